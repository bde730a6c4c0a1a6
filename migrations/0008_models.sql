CREATE TABLE `advice` (
	`store_id` text NOT NULL,
	`id` text NOT NULL,
	`cart_id` text NOT NULL,
	`at` integer NOT NULL,
	`model` text NOT NULL,
	`status` text NOT NULL,
	`reason` text NOT NULL,
	`proposal` text NOT NULL,
	`neurons` real NOT NULL,
	`ms` integer NOT NULL,
	PRIMARY KEY(`store_id`, `id`)
);
--> statement-breakpoint
CREATE INDEX `advice_by_time` ON `advice` (`store_id`,`at`);--> statement-breakpoint
CREATE INDEX `advice_by_cart` ON `advice` (`store_id`,`cart_id`,`at`);--> statement-breakpoint
CREATE TABLE `drift_reports` (
	`store_id` text NOT NULL,
	`at` integer NOT NULL,
	`version` text NOT NULL,
	`status` text NOT NULL,
	`report` text NOT NULL,
	PRIMARY KEY(`store_id`, `at`)
);
--> statement-breakpoint
CREATE TABLE `loss_summaries` (
	`store_id` text NOT NULL,
	`week` text NOT NULL,
	`at` integer NOT NULL,
	`model` text NOT NULL,
	`figures` text NOT NULL,
	`text` text NOT NULL,
	PRIMARY KEY(`store_id`, `week`)
);
--> statement-breakpoint
CREATE TABLE `models` (
	`store_id` text NOT NULL,
	`version` text NOT NULL,
	`kind` text NOT NULL,
	`algorithm` text NOT NULL,
	`name` text NOT NULL,
	`stage` text NOT NULL,
	`trees` integer NOT NULL,
	`features` text NOT NULL,
	`metrics` text NOT NULL,
	`baseline` text NOT NULL,
	`reference` text DEFAULT 'null' NOT NULL,
	`window_from` integer,
	`window_to` integer,
	`examples` integer NOT NULL,
	`bytes` integer NOT NULL,
	`sha256` text NOT NULL,
	`run_id` text,
	`note` text,
	`created_at` integer NOT NULL,
	`created_by` text,
	`staged_at` integer NOT NULL,
	PRIMARY KEY(`store_id`, `version`)
);
--> statement-breakpoint
CREATE INDEX `models_by_time` ON `models` (`store_id`,`created_at`);--> statement-breakpoint
CREATE TABLE `training_examples` (
	`store_id` text NOT NULL,
	`closed_at` integer NOT NULL,
	`cart_id` text NOT NULL,
	`incarnation` integer NOT NULL,
	`generation` integer NOT NULL,
	`shopper` integer NOT NULL,
	`moments` text NOT NULL,
	PRIMARY KEY(`store_id`, `closed_at`, `cart_id`, `incarnation`, `generation`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `training_runs` (
	`store_id` text NOT NULL,
	`id` text NOT NULL,
	`trigger` text NOT NULL,
	`status` text NOT NULL,
	`step` text NOT NULL,
	`progress` real DEFAULT 0 NOT NULL,
	`version` text,
	`reason` text,
	`started_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`ended_at` integer,
	PRIMARY KEY(`store_id`, `id`)
);
--> statement-breakpoint
CREATE INDEX `training_runs_by_time` ON `training_runs` (`store_id`,`started_at`);
--> statement-breakpoint
CREATE VIEW `training_moments` AS SELECT e.store_id, e.closed_at, e.cart_id, e.incarnation, e.generation, e.shopper,
	m.value ->> '$.moment' AS moment, m.value ->> '$.at' AS at, m.value ->> '$.label' AS label,
	m.value ->> '$.featureVersion' AS feature_version, m.value -> '$.features' AS features,
	m.value ->> '$.probability' AS probability, m.value ->> '$.model' AS model
FROM training_examples AS e, json_each(e.moments) AS m;
