//! Forums and threads as people make and change them.

use serde_json::{Value, json};

use super::{Discord, rest};

impl Discord {
    /// Tags of a forum, by name; a name that ends in `!` is moderated. With `required` every post must have one.
    pub fn set_tags(&self, forum: u64, names: &[&str], required: bool) {
        self.0.change(|world| {
            let tags = names.iter().zip(1u64..).map(|(name, n)| {
                let moderated = name.ends_with('!');
                json!({"id": (forum + n).to_string(), "name": name.trim_end_matches('!'), "moderated": moderated,
                    "emoji_id": null, "emoji_name": null})
            });
            let tags = tags.collect();
            if let Some(channel) = world.channels.get_mut(&forum) {
                (channel.tags, channel.require_tag) = (tags, required);
            }
        });
    }

    /// A thread that a person starts in a channel; answers its id.
    pub fn start_thread(&self, channel: u64, name: &str) -> u64 {
        let (now, admin) = (self.0.now(), self.user_id("admin"));
        self.0.change(|world| rest::start_thread(world, now, channel, name, None, admin, &Value::Null))
    }

    /// A person archives a thread or opens it again, and locks it.
    pub fn archive_thread(&self, thread: u64, archived: bool, locked: bool) {
        let now = self.0.now();
        self.0.change(|world| rest::set_archived(world, thread, archived, Some(locked), now));
    }

    /// The threads of a channel, oldest first: `name`, names of `tags`, `archived`, `id`.
    pub fn threads(&self, channel: u64) -> Vec<Value> {
        self.0.read(|world| {
            let tags = world.channels.get(&channel).map(|c| c.tags.clone()).unwrap_or_default();
            let here = world.channels.values().filter(|c| c.parent_id == Some(channel));
            let threads = here.filter_map(|c| Some((c, c.thread.as_ref()?)));
            let named = |id: &String| tags.iter().find(|t| t["id"] == id.as_str()).map(|t| t["name"].clone());
            threads
                .map(|(c, t)| {
                    let tags: Vec<Value> = t.applied_tags.iter().filter_map(named).collect();
                    json!({"id": c.id.to_string(), "name": c.name, "tags": tags, "archived": t.archived})
                })
                .collect()
        })
    }
}
