//! What is kept about whom, for how long, and what a deletion does: one list, from which `PRIVACY.md`, the
//! `/privacy` commands and the purge of a server are made. Every table is in it; a test compares it with the
//! database.

mod community;
mod forget;
mod kick;
mod look;
mod play;
mod said;
mod stats;

pub use look::{Found, Whom};

/// A table of the database.
#[derive(Clone, Copy)]
pub struct Table {
    pub name: &'static str,
    /// What its rows are, as the end of a sentence.
    pub holds: &'static str,
    pub kept: &'static str,
    /// Which rows belong to the server `$1`. `None`: it holds nothing of a server.
    pub of_guild: Option<&'static str>,
    /// How its rows name members.
    pub members: &'static [Member],
}

/// A column that names a member.
pub struct Member {
    pub column: &'static str,
    pub by: By,
    /// What `/privacy show` says; a count stands before it.
    pub what: &'static str,
    /// The columns that an export holds.
    pub exported: &'static str,
    pub on_delete: OnDelete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The Discord user id.
    User,
    /// The random id that only `person` connects with a Discord user; or that of the Kick account that is linked with them.
    Person,
    /// The Kick user id of the account that is linked with them, in its person.
    Kick,
    /// The same in another table.
    Viewer,
    /// Mentions in a list of texts, such as `<@7>`.
    Mentions,
    /// Mentions somewhere in a frozen message body.
    Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    Row,
    /// The row stays with a random id that nothing connects with the member any more.
    KeepNameless,
    /// The same, and what the member wrote or is called goes: an assignment in SQL.
    KeepWithout(&'static str),
    /// The row stays, the mention goes.
    Mention,
}

impl OnDelete {
    pub fn words(self) -> &'static str {
        match self {
            OnDelete::Row => "deleted",
            OnDelete::KeepNameless => "kept without a name: the random id in it leads to nobody any more",
            OnDelete::KeepWithout(_) => {
                "kept without your name and your words, under a random id that leads to nobody any more"
            }
            OnDelete::Mention => "the mention is taken out",
        }
    }
}

const BY_GUILD: Option<&str> = Some("guild_id = $1");
const BY_SOURCE: Option<&str> = Some("source_id IN (SELECT id FROM source WHERE guild_id = $1)");
const BY_DESTINATION: Option<&str> = Some("destination_id IN (SELECT id FROM destination WHERE guild_id = $1)");
/// The persons of the Kick accounts that a member is linked with.
const LINKED: &str =
    "SELECT k.viewer_id FROM kick_link k JOIN person m ON m.id = k.member_id WHERE m.discord_user_id = $1";
const IN_USE: &str = "while it is in use";

const fn table(name: &'static str, holds: &'static str, kept: &'static str, of_guild: Option<&'static str>) -> Table {
    Table { name, holds, kept, of_guild, members: &[] }
}

/// Every table, in an order in which rows can be deleted: what refers to others comes first.
pub static TABLES: &[Table] = &join::<{ COUNT }>(LISTS);
const LISTS: &[&[Table]] = &[stats::TABLES, play::TABLES, community::TABLES, kick::TABLES, OTHERS];
const COUNT: usize =
    stats::TABLES.len() + play::TABLES.len() + community::TABLES.len() + kick::TABLES.len() + OTHERS.len();

const fn join<const N: usize>(lists: &[&[Table]]) -> [Table; N] {
    let mut all = [lists[0][0]; N];
    let (mut list, mut from, mut at) = (0, 0, 0);
    while at < N {
        if at - from == lists[list].len() {
            (list, from) = (list + 1, at);
            continue;
        }
        all[at] = lists[list][at - from];
        at += 1;
    }
    all
}

const OTHERS: &[Table] = &[
    table(
        "outbound_attempt",
        "attempts to tell other systems: time, status, their words",
        "EVENT_DAYS",
        Some("outbound_delivery_id IN (SELECT id FROM outbound_delivery WHERE guild_id = $1)"),
    ),
    table("outbound_delivery", "what other systems were told, or are to be", "EVENT_DAYS", BY_GUILD),
    table("outbound_webhook", "other systems that are told what happens here", IN_USE, BY_GUILD),
    table(
        "attempt",
        "attempts to send to Discord: time, status, Discord's words",
        "EVENT_DAYS",
        Some(
            "send_id IN (SELECT s.id FROM send s JOIN destination d ON d.id = s.destination_id WHERE d.guild_id = $1)
             OR card_id IN (SELECT id FROM card WHERE guild_id = $1)",
        ),
    ),
    Table {
        members: &[Member {
            column: "mentions",
            by: By::Mentions,
            what: "messages that were to mention you",
            exported: "id, created_at, state",
            on_delete: OnDelete::Mention,
        }],
        ..table(
            "message",
            "messages planned for Discord, with the names that systems gave",
            "EVENT_DAYS after they were sent or given up; those of a card as long as the card",
            BY_GUILD,
        )
    },
    Table {
        members: &[Member {
            column: "body",
            by: By::Body,
            what: "messages that name you",
            exported: "id, created_at, state, discord_message_id",
            on_delete: OnDelete::Mention,
        }],
        ..table(
            "send",
            "messages as they were sent, with the names that systems gave",
            "EVENT_DAYS after they were sent or given up; those of a card as long as the card",
            BY_DESTINATION,
        )
    },
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "things that you asked XTSystems to do with tickets",
            exported: "id, asked_at, verb, value_name, title, content, author, state",
            on_delete: OnDelete::KeepWithout(
                "author = 'somebody', interaction_token = NULL,
                 title = CASE WHEN state IN ('confirmed', 'refused') THEN NULL ELSE title END,
                 content = CASE WHEN state IN ('confirmed', 'refused') THEN NULL ELSE content END",
            ),
        }],
        ..table(
            "ticket_action",
            "what members asked XTSystems to do with tickets, with their notes; the token of the interaction encrypted, \
             for 15 minutes at most",
            "as long as its ticket; a request to create one EVENT_DAYS",
            BY_GUILD,
        )
    },
    table("guild_setting", "the time zone of the server", IN_USE, BY_GUILD),
    table("upstream_list", "what XTSystems lets choose from: states, priorities, its users", IN_USE, BY_SOURCE),
    Table {
        members: &[
            Member {
                column: "person_id",
                by: By::Person,
                what: "link between you and a user of XTSystems",
                exported: "upstream_name, linked_at, upstream_user_id",
                on_delete: OnDelete::Row,
            },
            Member {
                column: "linked_by_person_id",
                by: By::Person,
                what: "links to users of XTSystems that you confirmed",
                exported: "upstream_name, linked_at, upstream_user_id",
                on_delete: OnDelete::KeepNameless,
            },
        ],
        ..table("upstream_link", "which member is which user of XTSystems", "until it is undone", BY_GUILD)
    },
    Table {
        members: &[
            Member {
                column: "person_id",
                by: By::Person,
                what: "wishes of yours to be linked with a user of XTSystems",
                exported: "upstream_name, asked_at, answer, answered_at",
                on_delete: OnDelete::Row,
            },
            Member {
                column: "answered_by_person_id",
                by: By::Person,
                what: "such wishes that you answered",
                exported: "upstream_name, asked_at, answer, answered_at",
                on_delete: OnDelete::KeepNameless,
            },
        ],
        ..table("upstream_link_request", "wishes to be linked with a user of XTSystems", "EVENT_DAYS", BY_GUILD)
    },
    table(
        "held",
        "what was not posted at once, and in which message it is told",
        "EVENT_DAYS, and until it is told",
        BY_GUILD,
    ),
    Table {
        members: &[
            Member {
                column: "person_id",
                by: By::Person,
                what: "silences that you made",
                exported: "id, created_at, pattern, filter, subject, reason, started_at, ends_at",
                on_delete: OnDelete::KeepWithout("reason = ''"),
            },
            Member {
                column: "ended_by",
                by: By::Person,
                what: "silences that you ended",
                exported: "id, created_at, pattern, ends_at",
                on_delete: OnDelete::KeepNameless,
            },
        ],
        ..table(
            "silence",
            "which events are kept back, until when, by whom and why",
            "EVENT_DAYS after it is over",
            BY_GUILD,
        )
    },
    table("noise_window", "how many messages of a route went out in the running interval", "1 day", BY_GUILD),
    table("card", "which Discord message shows a ticket, machine or asset", "as long as its subject", BY_GUILD),
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "votes of yours, while more than one had to approve",
            exported: "approval_id, voted_at, reason",
            on_delete: OnDelete::KeepNameless,
        }],
        ..table(
            "approval_vote",
            "who has approved, while more than one has to",
            "as long as its approval",
            Some("approval_id IN (SELECT id FROM approval WHERE guild_id = $1)"),
        )
    },
    Table {
        members: &[Member {
            column: "set_by",
            by: By::Person,
            what: "rules of approvals that you set",
            exported: "name, set_at, value",
            on_delete: OnDelete::KeepNameless,
        }],
        ..table("approval_rule", "rules of approvals that were set by command", IN_USE, BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "actions that you pressed and that are not settled",
            exported: "approval_id, asked_at",
            on_delete: OnDelete::Row,
        }],
        ..table(
            "approval_reply",
            "by which whoever pressed an action is told that it was refused; the token of the interaction encrypted",
            "until the action is settled, 15 minutes at most",
            BY_GUILD,
        )
    },
    Table {
        members: &[
            Member {
                column: "person_id",
                by: By::Person,
                what: "decisions that you took, with your reasons",
                exported: "id, created_at, title, verb, reason, decided_at, state",
                on_delete: OnDelete::KeepNameless,
            },
            Member {
                column: "undone_by",
                by: By::Person,
                what: "decisions that you undid",
                exported: "id, undone_at, title",
                on_delete: OnDelete::KeepNameless,
            },
        ],
        ..table(
            "approval",
            "what people decide about, such as machine registrations, with the names that systems gave, and what was decided",
            "as long as its subject",
            BY_GUILD,
        )
    },
    table(
        "subject",
        "tickets, machines, assets and what else systems tell of, as it was last described, names and e-mail addresses of \
         their users included",
        "CARD_DAYS after the last change, once closed; an open one stays",
        BY_GUILD,
    ),
    table(
        "event_raw",
        "webhooks as they arrived",
        "RAW_BODY_DAYS",
        Some("event_id IN (SELECT id FROM event WHERE guild_id = $1)"),
    ),
    table(
        "event",
        "events that systems sent, names and e-mail addresses of their users included",
        "what they are about EVENT_DAYS, that they were seen 90 days; those behind open approvals stay",
        BY_GUILD,
    ),
    table(
        "refusal",
        "refused requests: time, rule, checksum and size",
        "EVENT_DAYS, at most 200 of a source",
        BY_SOURCE,
    ),
    table("quarantine", "entries of the event stream that could not be taken in", "EVENT_DAYS", None),
    table("lane", "the pace of each destination", IN_USE, BY_DESTINATION),
    Table {
        members: &[Member {
            column: "mention_ids",
            by: By::Mentions,
            what: "routes that mention you",
            exported: "id, created_at, pattern",
            on_delete: OnDelete::Mention,
        }],
        ..table("route", "which kind of event goes to which channel", IN_USE, BY_GUILD)
    },
    table("template", "how messages look, as your server's admins wrote it", IN_USE, BY_GUILD),
    Table {
        members: &[
            Member {
                column: "person_id",
                by: By::Person,
                what: "changes of routes and templates that you made",
                exported: "id, changed_at, what, name, before, after",
                on_delete: OnDelete::KeepNameless,
            },
            Member {
                column: "undone_by",
                by: By::Person,
                what: "changes of routes and templates that you undid",
                exported: "id, undone_at, what, name",
                on_delete: OnDelete::KeepNameless,
            },
            Member {
                column: "mentions_before",
                by: By::Mentions,
                what: "routes that mentioned you before they were changed",
                exported: "id, changed_at, name",
                on_delete: OnDelete::Mention,
            },
            Member {
                column: "mentions_after",
                by: By::Mentions,
                what: "routes that were changed to mention you",
                exported: "id, changed_at, name",
                on_delete: OnDelete::Mention,
            },
        ],
        ..table(
            "route_change",
            "who changed which route or template, and how",
            "AUDIT_DAYS, without it for good",
            BY_GUILD,
        )
    },
    Table {
        members: &[
            Member {
                column: "person_id",
                by: By::Person,
                what: "routes and templates that you were about to save",
                exported: "id, created_at, what, body",
                on_delete: OnDelete::Row,
            },
            Member {
                column: "mentions",
                by: By::Mentions,
                what: "routes about to be saved that mention you",
                exported: "id, created_at, what",
                on_delete: OnDelete::Mention,
            },
        ],
        ..table("route_draft", "routes and templates that somebody is about to save", "a day", BY_GUILD)
    },
    table("destination", "channels and webhooks; the tokens of webhooks encrypted", IN_USE, BY_GUILD),
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "keys of the REST interface that you made",
            exported: "id, created_at, name, scopes, expires_at, revoked_at",
            on_delete: OnDelete::KeepNameless,
        }],
        ..table(
            "api_key",
            "keys of the REST interface, without what it takes to use them",
            "while they work, and EVENT_DAYS after",
            BY_GUILD,
        )
    },
    table(
        "idempotency",
        "answers to requests of the REST interface that may be sent again; encrypted",
        "1 day",
        BY_GUILD,
    ),
    table("setting", "values that Signalbox made, such as a webhook secret; secrets encrypted", IN_USE, BY_GUILD),
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "lines of the audit log about what you did",
            exported: "id, at, action, detail",
            on_delete: OnDelete::KeepNameless,
        }],
        ..table("audit", "who did what; it cannot be changed", "AUDIT_DAYS, without it for good", BY_GUILD)
    },
    Table {
        members: &[Member {
            column: "person_id",
            by: By::Person,
            what: "presses of yours that were refused in the last hour, and are counted",
            exported: "what, last_at, since, more",
            on_delete: OnDelete::Row,
        }],
        ..table(
            "audit_repeat",
            "how often the same press was refused; one line of the audit log tells it when the hour is over",
            "an hour",
            BY_GUILD,
        )
    },
    table("audit_unsealed", "lines of the audit log that wait for their seal", "seconds", BY_GUILD),
    table("audit_seal", "the hash chain over the audit log", "as long as the line", BY_GUILD),
    table("audit_head", "where that chain ends", "as long as the log", BY_GUILD),
    table("pulse", "when each kind of event last came", IN_USE, BY_GUILD),
    table("pulse_hour", "how many events came in which hour", "42 days", BY_SOURCE),
    table("pulse_watch", "since when that is watched", "for good", None),
    table("webhook_secret", "which secrets of a source are live, without the secrets", IN_USE, BY_SOURCE),
    table("source", "the systems that events come from", IN_USE, BY_GUILD),
    table("interaction", "numbers of commands and presses that were handled", "1 day", None),
    Table {
        members: &[
            Member {
                column: "discord_user_id",
                by: By::User,
                what: "link between your Discord id and a random id",
                exported: "id, created_at",
                on_delete: OnDelete::Row,
            },
            Member {
                column: "kick_user_id",
                by: By::Kick,
                what: "Kick accounts of yours, each with a random id",
                exported: "id, created_at, kick_user_id",
                on_delete: OnDelete::Row,
            },
        ],
        ..table(
            "person",
            "the link between a Discord id, or a Kick user id, and the random id that stands everywhere else",
            "until its member deletes it, or the last server that it was used in is purged",
            None,
        )
    },
    table("privacy_request", "keyed hashes of the Discord ids that asked for a deletion", "1 day", None),
    Table {
        members: &[Member {
            column: "discord_user_id",
            by: By::User,
            what: "deletion of yours that is under way",
            exported: "discord_user_id, asked_at",
            on_delete: OnDelete::Row,
        }],
        ..table("privacy_deletion", "members whose deletion is under way", "until it is done", None)
    },
    table("guild_departure", "servers that removed the bot, and when their data goes", "until then", None),
    table("schema_compatibility", "versions of the tables themselves", "for good", None),
    table("_sqlx_migrations", "the same, for the upgrade", "for good", None),
];

fn columns() -> impl Iterator<Item = (&'static Table, &'static Member)> {
    TABLES.iter().flat_map(|table| table.members.iter().map(move |member| (table, member)))
}

/// A condition on `person p`: nothing holds its id.
pub(super) fn nobody_refers() -> String {
    let by_person = columns().filter(|(_, member)| member.by == By::Person);
    let conditions: Vec<String> = by_person
        .map(|(table, member)| format!("NOT EXISTS (SELECT 1 FROM {} t WHERE t.{} = p.id)", table.name, member.column))
        .collect();
    conditions.join(" AND ")
}

impl Member {
    /// Takes the id as `$1`; `None`: this column names nobody of that kind.
    fn condition_for(&self, whom: Whom) -> Option<String> {
        match (whom, self.by) {
            (Whom::Member(_), _) => Some(self.condition()),
            (Whom::Viewer(_), By::Person) => {
                Some(format!("{} IN (SELECT id FROM person WHERE kick_user_id = $1)", self.column))
            }
            (Whom::Viewer(_), By::Kick | By::Viewer) => Some(format!("{} = $1", self.column)),
            (Whom::Viewer(_), By::User | By::Mentions | By::Body) => None,
        }
    }

    /// Takes the Discord id as `$1`. Only words of the list above get into a statement.
    fn condition(&self) -> String {
        let column = self.column;
        match self.by {
            By::User => format!("{column} = $1"),
            By::Person => format!("{column} IN (SELECT id FROM person WHERE discord_user_id = $1 UNION ALL {LINKED})"),
            By::Viewer => format!("{column} IN (SELECT kick_user_id FROM person WHERE id IN ({LINKED}))"),
            By::Kick => format!("{column} IS NOT NULL AND id IN ({LINKED})"),
            By::Mentions => {
                format!(
                    "{column} <> '{{}}' AND {column} && ARRAY['<@' || $1::bigint || '>', '<@!' || $1::bigint || '>']"
                )
            }
            // As the index has it.
            By::Body => {
                format!("{column}::text LIKE '%<@%' AND mentioned_in({column}) @> ARRAY[($1::bigint)::text]")
            }
        }
    }
}
