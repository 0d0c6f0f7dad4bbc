"""What has no trade in it: settings, database, clock, ids, errors, outbox, audit, the rule language."""
