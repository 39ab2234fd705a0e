"""Which tests show which key of the contract's files: dotted key → tests as FILE::FUNCTION, from the tests' folder."""

from __future__ import annotations

_KEYS = "sentences/test_keys.py::test_"
_SETTINGS = "sentences/test_keys_settings.py::test_"
_SOURCE = "app/test_lifecycle_source.py::test_"
_REFUSED = "app/test_lifecycle_refused.py::test_"

MAPPING_KEYS: dict[str, tuple[str, ...]] = {
    "mapping.doctype": (
        f"{_KEYS}a_mapping_pairs_one_doctype_with_one_entity",
        f"{_KEYS}two_mappings_share_a_doctype_and_an_entity",
    ),
    "mapping.source": ("system/test_examples.py::test_orders_create_what_they_need_first",),
    "mapping.entity": (f"{_KEYS}a_mapping_pairs_one_doctype_with_one_entity",),
    "mapping.site": (f"{_KEYS}a_mapping_names_its_site_where_there_are_several",),
    "mapping.direction": (
        "sentences/test_create_direction.py::test_pairs_flow_in_direction",
        "sentences/test_create_direction.py::test_to_source_writes_nothing_into_erpnext",
    ),
    "mapping.every": ("app/test_daemon.py::test_each_mapping_runs_by_its_schedule_and_never_twice_at_once",),
    "mapping.enabled": (f"{_KEYS}a_mapping_that_is_not_enabled_is_left_alone",),
    "erpnext.filters": (
        "sentences/test_scope.py::test_a_document_that_leaves_the_filter_pauses",
        "erpnext/test_feed.py::test_filters_of_the_mapping_go_with_every_request",
    ),
    "erpnext.external_id": (f"{_KEYS}the_external_id_is_in_documents_that_the_source_made",),
    "erpnext.write_back": (f"{_KEYS}write_back_puts_ids_into_documents_that_erpnext_made",),
    "source.id": ("sentences/test_stamps.py::test_composite_ids",),
    "source.modified": (
        f"{_KEYS}rows_with_stamps_are_read_by_them",
        f"{_KEYS}rows_without_stamps_are_compared_in_every_pass",
    ),
    "source.touch": (
        f"{_KEYS}touch_says_whether_syncd_sets_the_stamp",
        f"{_KEYS}touch_auto_leaves_the_stamp_to_a_trigger",
    ),
    "source.timezone": (f"{_KEYS}timezone_is_that_of_naive_stamps",),
    "source.deleted": (f"{_KEYS}a_soft_deleted_row_is_a_deletion",),
    "source.erpnext_name": (
        f"{_KEYS}erpnext_name_ties_rows_to_documents",
        "sources/test_sql_create.py::test_a_row_that_names_the_partner_already_is_that_row",
    ),
    "source.filters": ("sentences/test_scope.py::test_a_row_that_leaves_the_filter_pauses",),
    "match.by": ("sentences/test_match.py::test_the_first_rule_that_applies_names_the_candidates",),
    "match.create": ("sentences/test_create_direction.py::test_create_is_for_records_without_a_partner",),
    "conflict.wins": (
        f"{_KEYS}wins_decides_between_edits_of_both",
        "sentences/test_first_contact.py::test_wins_decides_where_both_are_set",
    ),
    "delete.source_deleted": (
        "sentences/test_tombstones.py::test_a_document_whose_row_was_deleted",
        "sentences/test_tombstones.py::test_a_submitted_document_whose_row_was_deleted",
        f"{_KEYS}a_deletion_in_the_source_deletes",
    ),
    "delete.erpnext_deleted": (
        "sentences/test_tombstones.py::test_a_row_whose_document_was_deleted",
        f"{_KEYS}a_deletion_in_erpnext_deletes",
    ),
    "delete.left_scope": (
        "sentences/test_scope.py::test_a_row_that_leaves_the_filter_pauses",
        f"{_KEYS}left_scope_delete_takes_the_partner_along",
    ),
    "fields.customer_name": (f"{_KEYS}a_field_is_a_column_in_short_and_in_long",),
    "fields.customer_type": ("sentences/test_converters.py::test_converters_undo_each_other",),
    "fields.territory": ("sentences/test_converters.py::test_converters_undo_each_other",),
    "fields.credit_limit_x": (
        "sentences/test_converters.py::test_converters_undo_each_other",
        "sentences/test_first_contact.py::test_wins_decides_where_both_are_set",
    ),
    "fields.tax_id": (
        "sentences/test_one_way.py::test_edits_in_erpnext_stay_until_the_source_changes",
        "sentences/test_one_way.py::test_enforce_restores_it_in_erpnext_every_time",
    ),
    "fields.customer_group": ("sentences/test_one_way.py::test_constants_are_written_at_creation",),
    "fields.language": ("sentences/test_one_way.py::test_a_default_fills_erpnext_and_does_not_flow_back",),
    "fields.title_x": (f"{_KEYS}a_computed_field_follows_its_columns",),
    "fields.customer_primary_contact": (f"{_KEYS}a_link_goes_through_the_pairs_of_its_mapping",),
    "tables.items.source": (
        f"{_KEYS}rows_are_a_nested_list",
        "sentences/test_child_rows.py::test_the_tie_follows_the_sources_key",
    ),
    "tables.items.key": (f"{_KEYS}rows_are_a_nested_list", "sentences/test_child_rows.py::test_new_integer_keys"),
    "tables.items.fields.item_code": (f"{_KEYS}a_link_goes_through_the_pairs_of_its_mapping",),
    "tables.items.fields.qty": (f"{_KEYS}rows_are_a_nested_list",),
    "tables.items.fields.rate": ("system/test_examples.py::test_orders_create_what_they_need_first",),
    "lifecycle.field": (f"{_KEYS}the_words_of_the_sources_column",),
    "lifecycle.draft": (f"{_KEYS}the_words_of_the_sources_column",),
    "lifecycle.submitted": (f"{_KEYS}the_words_of_the_sources_column",),
    "lifecycle.cancelled": (f"{_KEYS}the_words_of_the_sources_column",),
    "lifecycle.changed_after_submit": (
        f"{_SOURCE}what_may_not_change_after_submission_goes_as_the_mapping_says",
        "sentences/test_conflict_holds.py::test_the_sources_edits_of_a_submitted_document_are_overwritten",
        "sentences/test_child_rows.py::test_after_an_amendment_by_syncd_later_edits_find_their_rows",
    ),
    "lifecycle.submit_fails": (
        f"{_REFUSED}a_refused_create_and_submit_leaves_a_draft_that_is_held",
        f"{_REFUSED}under_rollback_nothing_is_kept_and_every_run_tries_again",
    ),
    "lifecycle.reopened": (f"{_SOURCE}a_source_that_goes_back_to_draft",),
    "lifecycle.draft_voided": (f"{_SOURCE}a_draft_that_the_source_cancels",),
    "lifecycle.cancel_linked": (
        f"{_REFUSED}a_cancellation_that_other_documents_stand_against_is_held",
        "erpnext/lifecycle/test_transitions.py::test_under_unlink_a_paid_invoice_is_cancelled_without_asking",
    ),
    "create.method": (
        "erpnext/lifecycle/test_building.py::test_payments_are_built_submitted_and_settle_their_invoices",
    ),
    "create.args": ("erpnext/lifecycle/test_building.py::test_arguments_keep_their_types_and_may_be_part_of_a_text",),
}
"""mappings/NAME.toml; a field stands for what its line in the contract shows (values, convert, wins, …)."""

SETTINGS_KEYS: dict[str, tuple[str, ...]] = {
    "state.url": (f"{_SETTINGS}the_state_is_where_its_url_says",),
    "sites.main.url": (f"{_KEYS}a_mapping_names_its_site_where_there_are_several",),
    "sites.main.auth": ("erpnext/test_client.py::test_basic_auth_sends_key_and_secret_in_base64",),
    "sites.main.key": ("sentences/test_types.py::test_the_user_is_no_administrator",),
    "sites.main.secret": ("config/test_secrets.py::test_references_resolve",),
    "sites.main.timezone": (f"{_SETTINGS}the_zone_of_a_site",),
    "sites.main.concurrency": (f"{_SETTINGS}requests_in_flight_and_their_patience",),
    "sites.main.requests_per_second": ("erpnext/test_client.py::test_the_ceiling_of_requests_per_second",),
    "sites.main.timeout": (f"{_SETTINGS}requests_in_flight_and_their_patience",),
    "sites.main.page_size": ("system/test_reading.py::test_edits_while_a_page_is_served_lose_no_document",),
    "sites.main.verify_tls": ("erpnext/test_client.py::test_a_certificate_that_is_not_trusted_is_said_at_once",),
    "sources.shop.type": ("sources/test_sql_open.py::test_sources_open_by_type",),
    "sources.shop.url": ("sources/test_sql_open.py::test_a_file_that_is_not_there_is_told_and_not_made",),
    "schedule.every": ("app/test_daemon.py::test_each_mapping_runs_by_its_schedule_and_never_twice_at_once",),
    "schedule.full_every": ("app/test_daemon.py::test_full_passes_are_due_by_their_own_interval",),
    "schedule.overlap": ("app/test_guards.py::test_a_late_commit_within_the_overlap_is_seen",),
    "webhooks.listen": ("config/test_contract_examples.py::test_the_contract_only_warns_of_webhooks",),
    "webhooks.public_url": ("config/test_contract_examples.py::test_the_contract_only_warns_of_webhooks",),
    "webhooks.secret": ("config/test_contract_examples.py::test_the_contract_only_warns_of_webhooks",),
    "safety.max_deletes": ("app/test_guards.py::test_too_many_deletions_halt",),
    "safety.max_updates": ("app/test_guards.py::test_too_many_updates_halt_scheduled_passes_only",),
    "reports.directory": (f"{_SETTINGS}reports_are_where_their_directory_says",),
    "reports.keep": ("report/test_build.py::test_only_old_reports_are_pruned",),
    "log.level": (f"{_SETTINGS}the_level_of_the_log",),
    "log.format": (f"{_SETTINGS}the_format_of_the_log",),
}
"""syncd.toml."""
