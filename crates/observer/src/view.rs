//! What somebody wants to see.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// So many rows unless somebody says otherwise.
const TOP: usize = 200;
/// So many findings: who has more of them has one, the worst, which comes first.
const FINDINGS: usize = 100;
/// More rows than that are made for nobody every second.
const MOST: usize = 2000;
/// A filter is a few letters.
const FILTER: usize = 200;

/// Which rows, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct View {
    pub(crate) top: usize,
    pub(crate) findings: usize,
    pub(crate) sort: Sort,
    /// In lower case.
    pub(crate) filter: String,
}

/// As the request says it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// Was looked at before.
    #[serde(default, rename = "token")]
    _token: IgnoredAny,
    top: Option<usize>,
    #[serde(default)]
    sort: Sort,
    #[serde(default)]
    filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    /// What is wrong first, then what does most.
    #[default]
    Activity,
    Name,
    Kind,
    State,
    Depth,
    Rate,
    P99,
    Restarts,
    Failed,
    Age,
}

impl Query {
    /// For the page, which has no use for all of very many.
    pub(crate) fn for_page(self) -> View {
        let view = self.view(TOP, FINDINGS);
        View { top: view.top.min(MOST), ..view }
    }

    /// For a file, which is complete.
    pub(crate) fn for_file(self) -> View {
        self.view(usize::MAX, usize::MAX)
    }

    fn view(self, top: usize, findings: usize) -> View {
        let filter = self.filter.chars().take(FILTER).collect::<String>().to_lowercase();
        View { top: self.top.unwrap_or(top), findings, sort: self.sort, filter }
    }
}
