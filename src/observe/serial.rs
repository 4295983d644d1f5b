//! How snapshots are written and read: durations and moments as whole nanoseconds, which every reader of JSON understands.

use serde::{Deserialize, Deserializer};

use super::row::Row;

/// Rows are looked for by their ids, and whoever has written them may have sorted them otherwise.
pub(super) fn in_order<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Row>, D::Error> {
    let mut rows = Vec::<Row>::deserialize(deserializer)?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// A [`Duration`](std::time::Duration).
pub(super) mod nanos {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub(in super::super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        // Five centuries fit.
        serializer.serialize_u64(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_nanos)
    }
}

/// A [`SystemTime`](std::time::SystemTime), since 1970.
pub(super) mod unix_nanos {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    pub(in super::super) fn serialize<S: Serializer>(moment: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        super::nanos::serialize(&moment.duration_since(UNIX_EPOCH).unwrap_or_default(), serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let nanos = u64::deserialize(deserializer)?;
        let moment = UNIX_EPOCH.checked_add(Duration::from_nanos(nanos));
        moment.ok_or_else(|| serde::de::Error::custom("this moment is too far away"))
    }
}

/// As [`nanos`], where there may be none.
pub(super) mod optional_nanos {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    pub(in super::super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let nanos = duration.map(|duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        nanos.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_nanos))
    }
}
