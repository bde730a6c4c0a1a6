CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`store_id` text NOT NULL,
	`kind` text NOT NULL,
	`hash` text NOT NULL,
	`shown` text NOT NULL,
	`scopes` text NOT NULL,
	`created_at` integer NOT NULL,
	`revoked_at` integer
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_by_hash` ON `api_keys` (`hash`);--> statement-breakpoint
CREATE INDEX `api_keys_by_store` ON `api_keys` (`store_id`);--> statement-breakpoint
CREATE TABLE `carts` (
	`store_id` text NOT NULL,
	`id` text NOT NULL,
	`incarnation` integer NOT NULL,
	`version` integer NOT NULL,
	`status` text NOT NULL,
	`item_count` integer NOT NULL,
	`total_minor` integer NOT NULL,
	`currency` text,
	`shopper_id` text NOT NULL,
	`email` text,
	`name` text,
	`risk` real NOT NULL,
	`created_at` integer NOT NULL,
	`last_activity_at` integer NOT NULL,
	`abandoned_at` integer,
	`recovered_at` integer,
	`order_id` text,
	PRIMARY KEY(`store_id`, `id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `carts_by_time` ON `carts` (`store_id`,`created_at`);--> statement-breakpoint
CREATE TABLE `deliveries` (
	`store_id` text NOT NULL,
	`id` text NOT NULL,
	`cart_id` text NOT NULL,
	`version` integer DEFAULT 0 NOT NULL,
	`shopper_id` text NOT NULL,
	`campaign_id` text NOT NULL,
	`step_id` text NOT NULL,
	`variant_id` text,
	`channel` text NOT NULL,
	`provider` text,
	`status` text NOT NULL,
	`history` text NOT NULL,
	`scheduled_at` integer NOT NULL,
	`claimed_at` integer,
	`sent_at` integer,
	PRIMARY KEY(`store_id`, `id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `deliveries_by_time` ON `deliveries` (`store_id`,`scheduled_at`);--> statement-breakpoint
CREATE TABLE `failed_events` (
	`id` text PRIMARY KEY NOT NULL,
	`store_id` text,
	`queue` text NOT NULL,
	`body` text NOT NULL,
	`at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `members` (
	`store_id` text NOT NULL,
	`user_id` text NOT NULL,
	`role` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`store_id`, `user_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `members_by_user` ON `members` (`user_id`);--> statement-breakpoint
CREATE TABLE `outbox` (
	`store_id` text NOT NULL,
	`delivery_id` text NOT NULL,
	`at` integer NOT NULL,
	`recipient` text NOT NULL,
	`subject` text NOT NULL,
	`html` text NOT NULL,
	`text` text NOT NULL,
	`recovery_url` text NOT NULL,
	`unsubscribe_url` text NOT NULL,
	PRIMARY KEY(`store_id`, `delivery_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `sessions` (
	`hash` text PRIMARY KEY NOT NULL,
	`family` text NOT NULL,
	`user_id` text NOT NULL,
	`store_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`used_at` integer,
	`revoked_at` integer
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `sessions_by_family` ON `sessions` (`family`);--> statement-breakpoint
CREATE TABLE `stores` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`url` text NOT NULL,
	`currency` text NOT NULL,
	`timezone` text NOT NULL,
	`created_at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `templates` (
	`store_id` text NOT NULL,
	`id` text NOT NULL,
	`name` text NOT NULL,
	`channel` text NOT NULL,
	`locale` text NOT NULL,
	`subject` text NOT NULL,
	`html` text NOT NULL,
	`text` text NOT NULL,
	`version` integer NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`store_id`, `id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `users` (
	`id` text PRIMARY KEY NOT NULL,
	`email` text NOT NULL,
	`name` text,
	`password_hash` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_login_at` integer
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `users_email_unique` ON `users` (`email`);