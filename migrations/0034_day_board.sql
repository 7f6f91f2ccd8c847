-- A viewer's day is found in the index of the day's board, too: while statistics know nothing of a day that is new, either
-- index is as good.
CREATE INDEX watch_day_of_board ON watch_day (guild_id, day, viewer_id);
DROP INDEX watch_day_board;

INSERT INTO schema_compatibility (version, compatible_from) VALUES (34, 1);
