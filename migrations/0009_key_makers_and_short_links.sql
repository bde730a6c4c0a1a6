CREATE TABLE `short_links` (
	`hash` text PRIMARY KEY NOT NULL,
	`store_id` text NOT NULL,
	`cart_id` text NOT NULL,
	`generation` integer NOT NULL,
	`delivery_id` text NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `short_links_sweep` ON `short_links` (`at`);--> statement-breakpoint
ALTER TABLE `api_keys` ADD `created_by` text;--> statement-breakpoint
-- Who made the keys that there are, as far as the audit log remembers.
UPDATE `api_keys` SET `created_by` = (
	SELECT a.`actor_id` FROM `audit_log` a
	WHERE a.`store_id` = `api_keys`.`store_id` AND a.`actor_kind` = 'user' AND (
		(a.`action` = 'api_key.created' AND a.`object_id` = `api_keys`.`id`)
		OR (a.`action` = 'api_key.rotated' AND json_extract(a.`after`, '$.rotatedTo') = `api_keys`.`id`)
	) LIMIT 1
);
