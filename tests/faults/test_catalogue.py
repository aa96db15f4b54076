"""Which test shows that a fault is survived: each has at least one, and each of these is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CATALOGUE = TESTS.parents[1] / "shared" / "FAULTS.md"
KILLED = "faults/test_kill.py::killed_at"
FETCH, FEEDS, POLL, SCHEDULE = (f"extractors/test_{room}.py" for room in ("fetch", "feeds", "poll", "schedule"))
CHANNELS, MESSAGES, SENDING = "alerts/test_channels.py", "alerts/test_messages.py", "flows/test_sending.py"
SECRETS, OUTAGES, ENGINE = "faults/test_secrets.py", "faults/test_outages.py", "store/test_engine.py"

SHOWN: dict[str, tuple[str, ...]] = {
    **{f"K{number:02}": (KILLED,) for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12)},
    "K10": ("faults/test_kill.py::k10_killed_while_the_receiver_has_half_of_it",),
    "K13": (
        f"{OUTAGES}::k13_after_two_hours_one_sweep_catches_up_though_many_are_overdue",
        "flows/test_serving_live.py::scheduled_sweeps_happen_survive_kills_and_are_resumed",
    ),
    "K14": ("faults/test_kill.py::k14_sigterm_in_the_midst_of_a_send_ends_after_it_and_gives_back_the_rest",),
    "K15": ("soak/test_soak.py::nothing_is_lost_where_feeds_lie_clocks_jump_and_workers_are_killed",),
    "N01": (
        f"{FETCH}::addresses_that_are_not_global_are_refused",
        f"{FETCH}::no_spelling_gets_a_byte_to_a_private_address",
    ),
    "N02": (f"{FETCH}::each_hop_passes_the_guard", f"{FETCH}::credentials_stay_with_the_host_they_are_for"),
    "N03": (
        f"{FETCH}::a_name_is_looked_up_once_and_that_very_address_is_used",
        f"{FETCH}::a_name_with_one_private_address_among_public_ones_is_refused_whole",
    ),
    "N04": (f"{FETCH}::no_spelling_gets_a_byte_to_a_private_address",),
    "N05": (f"{FETCH}::proxies_and_netrc_of_the_environment_are_not_used",),
    "N06": (f"{FETCH}::a_redirect_to_what_is_not_allowed_is_refused",),
    "N07": (f"{FETCH}::a_loop_of_redirects_ends_after_five",),
    "N08": (f"{FETCH}::the_deadline_is_for_the_whole_answer", f"{FETCH}::a_slow_server_gives_its_turn_back"),
    "N09": (f"{FETCH}::a_body_is_cut_at_the_limit",),
    "N10": (f"{FETCH}::a_bomb_is_cut_at_the_limit_of_decoded_bytes",),
    "N11": (f"{FETCH}::an_answer_that_breaks_off_is_an_error", f"{POLL}::a_cut_document_is_used_and_asked_for_again"),
    "N12": (f"{FETCH}::validators_without_a_stored_body_are_not_sent", f"{FETCH}::an_oversized_validator_is_forgotten"),
    "N13": (f"{FETCH}::retry_after_is_read_and_capped", f"{SCHEDULE}::retry_after_is_honoured_and_capped"),
    "N14": (f"{POLL}::a_permanent_move_is_followed_after_a_while_without_a_second_alert",),
    "N15": (f"{POLL}::a_temporary_move_and_one_to_another_feed_are_not",),
    "N16": (f"{SCHEDULE}::gone_for_good_ends_the_polling_with_an_alarm_and_not_found_does_not",),
    "N17": (f"{POLL}::a_move_that_changes_every_id_and_link_brings_nothing_new",),
    "N18": (f"{POLL}::a_network_that_is_down_is_one_fault_and_not_one_of_every_feed",),
    "N19": (f"{POLL}::a_thousand_feeds_of_one_host_are_polled_politely",),
    "N20": (f"{POLL}::a_captive_portal_takes_nothing_away",),
    "N21": (f"{FETCH}::headers_without_end_are_an_error", f"{FETCH}::cookies_are_not_kept"),
    "P01": (
        f"{FEEDS}::a_body_that_names_a_file_is_not_opened",
        "faults/test_content.py::a_pipe_that_a_body_names_is_never_opened",
    ),
    "P02": (
        f"{FEEDS}::external_entities_are_not_read",
        "faults/test_content.py::a_hostile_body_stops_nobody_and_is_named",
    ),
    "P03": (f"{FEEDS}::what_makes_parsers_raise_is_text_or_an_error_and_the_next_feed_goes_on",),
    "P04": (f"{FEEDS}::what_burns_the_parser_is_killed_at_the_limit_and_the_next_feed_goes_on",),
    "P05": (f"{FEEDS}::of_too_many_entries_the_newest_are_kept_with_a_warning", f"{FEEDS}::endless_fields_are_cut"),
    "P06": (f"{FEEDS}::broken_bytes_become_clean_text",),
    "P07": (f"{FEEDS}::the_charset_is_found_although_it_is_not_well_declared",),
    "P08": (
        f"{FEEDS}::a_cut_document_gives_what_it_holds_and_says_so",
        f"{POLL}::a_cut_document_is_used_and_asked_for_again",
    ),
    "P09": (
        f"{FEEDS}::what_is_no_feed_is_called_by_its_name",
        "faults/test_content.py::after_an_error_nothing_counts_as_read",
    ),
    "P10": (f"{FEEDS}::no_text_of_a_date_raises", f"{POLL}::dates_in_the_future_do_not_count"),
    "P11": (f"{POLL}::an_edit_is_recognised_and_endless_edits_are_given_up",),
    "P12": (
        f"{FEEDS}::the_ladder_of_identity_is_id_then_link_then_text",
        f"{POLL}::a_reused_id_with_another_story_is_not_missed",
    ),
    "P13": (f"{POLL}::ids_that_change_with_each_poll_bring_nothing_new",),
    "P14": (f"{POLL}::a_feed_that_empties_and_refills_or_turns_round_brings_nothing_new",),
    "P15": (f"{POLL}::nothing_in_common_with_the_last_poll_is_a_gap",),
    "P16": (f"{POLL}::first_comes_the_backfill_then_only_what_is_new",),
    "P17": ("flows/test_sweep.py::one_wire_story_in_several_feeds_is_one_voice_and_one_alert",),
    "R01": ("extractors/test_limits.py::r01_a_word_that_looks_like_a_pattern_is_a_word",),
    "R02": (
        "extractors/test_triggers.py::a_megabyte_takes_bounded_time",
        "extractors/test_triggers.py::strange_text_does_no_harm",
    ),
    "R03": (
        "extractors/test_triggers.py::an_item_that_raises_stops_no_other",
        "store/test_articles.py::what_was_set_aside_is_tried_again_under_other_rules",
    ),
    "R04": ("extractors/test_language.py::a_missing_model_says_how_to_get_it",),
    "D01": (f"{ENGINE}::a_lock_is_waited_for_and_the_whole_transaction_run_again",),
    "D02": (f"{ENGINE}::a_read_that_leads_to_a_write_never_fails_halfway",),
    "D03": (
        "faults/test_disk.py::d03_full_while_entries_are_stored",
        "faults/test_disk.py::d03_full_when_a_message_that_was_taken_is_to_be_marked",
    ),
    "D04": (
        "faults/test_disk.py::d04_a_database_that_may_not_be_written_is_refused_and_left_alone",
        "store/test_upgrade.py::a_damaged_or_lost_file_is_refused_and_left_as_it_is",
    ),
    "D05": (
        "faults/test_postgres.py::d05_a_sweep_goes_through_a_restart_in_its_midst",
        f"{ENGINE}::a_lost_connection_or_conflict_runs_the_whole_transaction_again",
        f"{ENGINE}::a_connection_that_was_dropped_while_idle_is_replaced",
    ),
    "D06": ("store/test_released.py::d06_every_released_version_is_migrated_whole",),
    "D07": (
        "store/test_released.py::d07_what_a_later_tocsin_migrated_is_whole_and_this_one_refuses_it",
        "store/test_upgrade.py::killed_inside_an_upgrade_the_old_schema_stays_and_the_next_try_succeeds",
    ),
    "D08": ("faults/test_restored.py::what_may_have_been_told_is_held_for_a_person_and_news_goes_out",),
    "D09": (
        "faults/test_together.py::three_sweeps_at_once_do_the_work_of_one",
        "faults/test_together.py::two_senders_at_once_share_the_outbox",
    ),
    "D10": (f"{OUTAGES}::d10_a_sender_that_is_paused_beyond_its_lease_marks_nothing_when_it_wakes",),
    "T01": (
        "faults/test_clock.py::t01_a_step_of_the_clock_doubles_no_alert_and_stops_no_feed",
        f"{SCHEDULE}::a_clock_put_back_does_not_hold_a_feed_up",
        "store/test_leases.py::a_lease_taken_before_the_clock_was_set_back_does_not_block",
    ),
    "T02": (
        "alerts/test_policy.py::cron_is_due_once_where_the_clock_skips_or_repeats_the_hour",
        "alerts/test_policy.py::quiet_hours_follow_daylight_saving",
    ),
    "T03": (
        "flows/test_sweep.py::a_sweep_after_eight_hours_asks_each_feed_once_and_spreads_what_follows",
        f"{MESSAGES}::a_late_message_says_so_and_one_in_time_does_not",
    ),
    "T04": ("faults/test_clock.py::t04_a_clock_at_its_beginning_is_refused_and_leaves_nothing",),
    "O01": (
        f"{MESSAGES}::html_has_no_tag_attribute_or_link_of_strangers",
        "web/test_pages.py::no_page_runs_or_loads_what_a_feed_says",
        "web/test_browser.py::nothing_that_feeds_say_is_run",
    ),
    "O02": (
        f"{MESSAGES}::html_has_no_tag_attribute_or_link_of_strangers",
        "alerts/test_report.py::it_is_one_file_that_fetches_and_runs_nothing",
    ),
    "O03": (
        "interop/test_interop.py::o03_no_cell_is_a_formula",
        "web/test_pages.py::every_list_as_csv_that_no_spreadsheet_runs",
        "test_logs.py::a_line_of_text_is_one_line_whatever_a_feed_says",
        "web/test_acts.py::what_somebody_writes_does_nothing_to_the_terminal_of_others",
    ),
    "O04": (f"{CHANNELS}::slack_gets_its_three_characters_escaped_exactly_once",),
    "O05": (f"{CHANNELS}::discord_pings_nobody",),
    "O06": (
        f"{CHANNELS}::mattermost_pings_nobody_and_loads_no_image",
        f"{CHANNELS}::teams_and_matrix_are_handed_harmless_text",
        f"{MESSAGES}::what_chat_services_act_upon_is_broken",
    ),
    "O07": (f"{CHANNELS}::telegram_gets_html_that_parses",),
    "O08": (f"{CHANNELS}::a_long_message_is_cut_to_the_service_and_stays_one_message",),
    "O09": (
        f"{CHANNELS}::a_mail_arrives_as_text_and_html_with_one_clean_subject",
        f"{MESSAGES}::one_line_removes_what_cannot_be_seen_or_sent",
    ),
    "O10": (f"{MESSAGES}::text_of_feeds_is_never_read_as_a_template",),
    "M01": (
        f"{CHANNELS}::smtp_answers_say_whether_a_retry_makes_sense",
        f"{SENDING}::a_channel_that_is_down_is_tried_again_and_then_told_once",
    ),
    "M02": (
        f"{CHANNELS}::a_refused_login_is_no_retry_and_hides_the_password",
        f"{SENDING}::what_no_try_can_mend_is_dead_at_once_and_an_alarm_goes_by_another_channel",
    ),
    "M03": (
        f"{CHANNELS}::a_mail_taken_without_an_answer_in_time_is_uncertain",
        f"{CHANNELS}::timeouts_are_never_shorter_than_a_minute",
    ),
    "M04": (f"{CHANNELS}::each_recipient_is_a_message_of_its_own_and_a_refused_one_is_no_retry",),
    "M05": (
        f"{CHANNELS}::webhook_answers_say_whether_a_retry_makes_sense",
        f"{CHANNELS}::a_service_that_says_no_with_200_did_not_take_it",
    ),
    "M06": (f"{OUTAGES}::m06_five_hundred_alerts_wait_for_a_channel_that_was_down_for_three_days",),
    "M07": (
        "faults/test_together.py::one_dead_channel_of_two_leaves_the_other_in_time",
        f"{SENDING}::a_slow_channel_holds_up_no_other",
    ),
    "M08": (f"{SENDING}::an_alert_that_no_template_can_show_is_sent_in_plain_words",),
    "M09": (
        f"{CHANNELS}::an_answer_of_none_or_an_exception_is_an_error",
        "config/test_channels_config.py::a_wrong_url_is_a_problem_with_its_line",
    ),
    "M10": (
        "flows/test_heartbeat.py::it_stops_when_nothing_could_be_read_for_two_intervals_and_comes_back",
        "cli/test_status.py::silence_of_the_watch_itself_is_wrong",
    ),
    "S01": (
        f"{SECRETS}::while_everything_works",
        f"{SECRETS}::while_feeds_and_channels_fail",
        f"{SECRETS}::while_nothing_answers",
    ),
    "S02": (f"{FETCH}::no_error_holds_the_address", f"{SECRETS}::commands_show_none"),
    "S03": (f"{SECRETS}::while_everything_works", f"{CHANNELS}::no_secret_reaches_log_or_error_even_at_debug"),
    "S04": (
        f"{SECRETS}::nothing_that_is_read_shows_what_it_hides",
        f"{SECRETS}::a_configuration_error_does_not_echo_what_was_written",
    ),
    "S05": ("extractors/test_confinement.py::s05_code_that_took_over_the_parser_reaches_nothing",),
    "S06": (
        "store/test_filters.py::only_what_equals_the_word_is_found",
        "store/test_search.py::every_term_of_a_query_is_quoted",
    ),
    "S07": (
        "cli/test_exporting.py::s07_a_file_that_is_there_or_a_link_is_never_written_over",
        "store/test_private.py::a_report_is_not_written_through_a_link",
    ),
    "S08": (
        "cli/test_doctor.py::s08_a_prefect_that_others_reach_is_told",
        "flows/test_environment.py::our_own_server_wants_a_password_and_answers_no_page_but_its_own",
        "web/test_signin.py::no_open_dashboard_beyond_loopback",
    ),
    "C01": ("flows/test_opening.py::after_a_bad_edit_the_last_good_configuration_is_in_force_and_somebody_is_told",),
    "C02": (
        "faults/test_edits.py::c02_after_rule_threshold_and_feed_are_gone_what_waits_is_sent_and_explains_itself",
        "faults/test_edits.py::c02_after_a_channel_is_gone_its_deliveries_end_with_an_alarm",
    ),
    "C03": (
        "config/test_loader.py::c03_nothing_runs_or_bursts",
        "config/test_loader.py::c03_what_other_readers_take_for_a_date_or_a_truth_is_text",
    ),
    "C04": ("flows/test_serving.py::the_second_serve_exits_with_the_pid_of_the_first",),
    "C05": (
        "test_supply.py::every_locked_package_has_its_hash_and_one_version",
        "test_supply.py::c05_the_newest_versions_are_tried_apart_from_what_is_installed",
    ),
}
"""Fault → tests, as file and name without its `test_`."""


@cache
def names_in(path: str) -> frozenset[str]:
    """Names of the tests in a file."""
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("fault", SHOWN)
def test_what_shows_it_is_there(fault: str) -> None:
    for test in SHOWN[fault]:
        path, _, name = test.partition("::")
        assert f"test_{name}" in names_in(path), test


@pytest.mark.skipif(not CATALOGUE.exists(), reason="the catalogue of faults is not part of the repository")
def test_every_fault_of_the_catalogue_is_shown() -> None:
    assert set(re.findall(r"^\| ([A-Z]\d\d) \|", CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE)) == SHOWN.keys()
