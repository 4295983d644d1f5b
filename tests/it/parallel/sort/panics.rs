//! Comparisons and key functions that panic, or contradict themselves: no element is lost, none is dropped twice.
