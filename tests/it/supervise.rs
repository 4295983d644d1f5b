//! Supervisors: the rules of OTP, each with the test that holds it.
//!
//! | rule | test |
//! |---|---|
//! | children are started in order, each after the start of the one before | `starting::children_start_in_order` |
//! | a first start that fails stops what was started, in reverse, and is not tried again | `starting::a_failed_first_start_stops_what_was_started` |
//! | a start that has nothing to do keeps its spec; a temporary one is forgotten | `starting::an_ignored_start_keeps_its_spec` |
//! | children are stopped in reverse, one after the other | `stopping::children_stop_in_reverse_one_by_one` |
//! | asked, waited for, aborted | `stopping::a_child_that_does_not_end_is_aborted_at_its_limit` |
//! | killed at once | `stopping::a_child_can_be_aborted_at_once` |
//! | waited for without a limit | `stopping::an_unlimited_child_is_waited_for` |
//! | another end during a stop is reported, not restarted | `stopping::a_failure_during_a_stop_restarts_nothing` |
//! | permanent, transient, temporary × failure, end | `restarting::restart_types_decide` |
//! | a temporary child is forgotten along with a sibling | `restarting::a_temporary_sibling_is_forgotten` |
//! | a transient child that has ended is started along with a sibling | `restarting::a_transient_child_that_ended_starts_with_its_siblings` |
//! | one for one | `restarting::one_for_one_restarts_the_child_alone` |
//! | one for all | `restarting::one_for_all_restarts_everybody_in_order` |
//! | rest for one | `restarting::rest_for_one_restarts_those_after_it` |
//! | the limit is inclusive, and slides | `limits::the_window_is_inclusive_and_slides` |
//! | one entry for a failure, however many are restarted | `limits::a_group_counts_once` |
//! | an end that is no failure does not count; a permanent child's end does | `limits::only_ends_that_restart_count` |
//! | zero gives up at the first | `limits::none_allowed_gives_up_at_once` |
//! | a limit of one child | `limits::a_child_can_have_its_own_limit` |
//! | giving up stops the others in reverse and restarts nobody | `limits::giving_up_stops_the_others_in_reverse` |
//! | a permanent supervisor that gave up is restarted and counts above; a transient is not | `limits::giving_up_escalates` |
//! | limits multiply | `limits::limits_multiply` |
//! | a failed restart is tried again between requests, and counts | `retries::a_failed_restart_is_retried_between_requests` |
//! | the child that failed to start is the one retried, with those after it | `retries::a_group_goes_on_at_the_child_that_failed` |
//! | children added later are gone when their supervisor is restarted | `dynamic::a_restarted_supervisor_has_its_first_children` |
//! | significant children | `significant::*` |
//! | one name, one child; start, stop, restart, delete | `dynamic::*` |
//! | delays grow, and are forgotten after a long life | `delays::*` |

mod delays;
mod dynamic;
mod found;
mod hostile;
mod kit;
mod limits;
mod looks;
mod restarting;
mod retries;
mod significant;
mod starting;
mod stopping;
