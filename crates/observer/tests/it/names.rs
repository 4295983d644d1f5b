//! Names are anybody's, and break nothing.

use regatta::observe::Registry;

use crate::metrics::scrape;
use crate::support::{Events, get, names, queue_of, serve};

const NAMES: [&str; 8] = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "quotes \" and ' and \\ and \\\" and \\n",
    "two\nlines\r\ndata: {}\n\nevent: frame",
    "völlig 🦀 \u{202e}verkehrt\u{2028}\u{2029}",
    "{kind=\"queue\",} 1\n# TYPE x counter",
    " ",
    "%s{{}}${x}`y`",
];

#[tokio::test]
async fn a_name_is_the_same_in_json_and_in_events() {
    let registry = Registry::new();
    let _ends: Vec<_> = NAMES.iter().map(|name| queue_of(&registry, name, 1)).collect();
    let server = serve(&registry).await;
    assert_eq!(names(&get(&server, "/snapshot.json").await.json()), NAMES);
    let mut events = Events::open(&server, "").await;
    assert_eq!(names(&events.frame().await), NAMES);
    assert_eq!(names(&events.frame().await), NAMES);
}

#[tokio::test]
async fn a_name_is_a_label_whatever_is_in_it() {
    let registry = Registry::new();
    let _ends: Vec<_> = NAMES.iter().map(|name| queue_of(&registry, name, 1)).collect();
    let _nul = queue_of(&registry, "a\0b\rc", 1);
    let server = serve(&registry).await;
    let metrics = scrape(&server).await;
    let known: Vec<&str> =
        metrics["regatta_components"].samples.iter().map(|(_, labels, _)| &*labels["name"]).collect();
    for name in NAMES {
        assert!(known.contains(&&*name.replace('\r', "␍")), "{name:?} of {known:?}");
    }
    // A reader of the format may take a NUL for the end.
    assert!(known.contains(&"a␀b␍c"), "{known:?}");
}

#[tokio::test]
async fn no_name_is_in_the_page() {
    let registry = Registry::new();
    let _ends = queue_of(&registry, "<img src=x onerror=alert(1)>", 1);
    let server = serve(&registry).await;
    let page = get(&server, "/?filter=%3Cscript%3Ealert(2)%3C/script%3E&top=%22").await;
    assert!(page.status == 200 && !page.body.contains("onerror=alert") && !page.body.contains("alert(2)"));
    let refused = get(&server, "/snapshot.json?sort=%3Cscript%3Ealert(2)%3C/script%3E").await;
    assert_eq!((refused.status, refused.header("content-type")), (400, "text/plain; charset=utf-8"));
}
