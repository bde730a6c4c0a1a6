CREATE TABLE `providers` (
	`id` text PRIMARY KEY NOT NULL,
	`store_id` text NOT NULL,
	`channel` text NOT NULL,
	`kind` text NOT NULL,
	`position` integer NOT NULL,
	`from_name` text,
	`from_email` text NOT NULL,
	`settings` text NOT NULL,
	`credentials` text NOT NULL,
	`hint` text NOT NULL,
	`enabled` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`version` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `providers_by_store` ON `providers` (`store_id`,`channel`,`position`);