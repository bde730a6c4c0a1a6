CREATE TABLE `sms_numbers` (
	`store_id` text NOT NULL,
	`number` text NOT NULL,
	`shopper_id` text NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`store_id`, `number`, `shopper_id`)
);
--> statement-breakpoint
CREATE INDEX `sms_numbers_by_shopper` ON `sms_numbers` (`store_id`,`shopper_id`);--> statement-breakpoint
CREATE TABLE `sms_replies` (
	`store_id` text NOT NULL,
	`id` text NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`store_id`, `id`)
);
--> statement-breakpoint
CREATE INDEX `sms_replies_sweep` ON `sms_replies` (`at`);--> statement-breakpoint
ALTER TABLE `outbox` ADD `channel` text DEFAULT 'email' NOT NULL;--> statement-breakpoint
ALTER TABLE `outbox` ADD `image_url` text;