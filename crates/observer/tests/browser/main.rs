//! The page in a browser: what is shown of programs of which one knows what is wrong with them.
//!
//! It needs `chromium` and `chromedriver`; without them these tests are skipped, in CI they fail. With
//! `REGATTA_SCREENSHOTS=1` the pictures of the documentation are taken anew.

mod driver;
mod page;
mod pictures;
mod planted;
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use driver::Tab;
use page::Page;
use planted::{Ask, HOSTILE, Obedient, STAGES};
use regatta::actor::Builder;
use regatta::observe::Registry;
use support::{eventually, is, throughout};

const NONE: [String; 0] = [];
/// The key, as a driver of browsers spells it.
const ESCAPE: &str = "\u{e00c}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warnings_and_requests_elsewhere_do_not_go_unnoticed() {
    let Some(tab) = Tab::take().await else { return };
    let page = Page::open(tab, &Registry::new()).await;
    page.is_live_within(Duration::from_secs(5)).await;
    assert_eq!(page.complaints().await, NONE);
    page.tab.run("console.warn('take care')").await;
    page.open_as("localhost").await;
    let complaints = page.complaints().await;
    let are_told =
        ["take care", "a request to http://localhost"].map(|what| complaints.iter().any(|one| one.contains(what)));
    assert_eq!(are_told, [true, true], "{complaints:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_five_seconds_the_stage_that_limits_is_marked_and_no_other() {
    let Some(tab) = Tab::take().await else { return };
    let registry = Registry::new();
    let planted = [
        ("first", "read"),
        ("middle", "resize"),
        ("last", "store"),
        ("key", "resize"),
        ("healthy", ""),
        ("balanced", ""),
    ];
    let running = registry.enter(|| {
        planted.map(|(title, slow)| match title {
            "key" => planted::skewed(title),
            "healthy" => planted::healthy(title),
            "balanced" => planted::balanced(title),
            _ => planted::limited(title, slow),
        })
    });
    let marks: Vec<Vec<&str>> =
        planted.iter().map(|(_, slow)| STAGES.into_iter().filter(|stage| stage == slow).collect()).collect();
    let begun = Instant::now();
    let page = Page::open(tab, &registry).await;

    let marked = async || {
        let shown = page.pipelines().await;
        let found: Vec<Vec<&str>> = shown.iter().map(|one| one.limiting.iter().map(String::as_str).collect()).collect();
        is(&found, &marks)
    };
    let deadline = Duration::from_secs(5).saturating_sub(begun.elapsed());
    eventually(deadline, "the slow stages are marked", marked).await;
    println!("marked after {:?}", begun.elapsed());
    for ((title, slow), shown) in planted.iter().zip(page.pipelines().await) {
        let said = match *title {
            "key" => format!("pipeline `key` is limited by one key of stage `{slow}`: 1."),
            "healthy" => "pipeline `healthy` is limited by its source: ".to_owned(),
            "balanced" => "pipeline `balanced` is balanced at ".to_owned(),
            _ => format!("pipeline `{title}` is limited by stage `{slow}`"),
        };
        assert_eq!(shown.name, *title);
        assert!(shown.verdict.contains(&said), "{shown:?}");
    }
    throughout(Duration::from_secs(2), "the same stages are marked", marked).await;
    assert_eq!(page.findings().await.len(), 4);
    assert_eq!(page.complaints().await, NONE);
    drop(running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_pipeline_gets_no_finding() {
    let Some(tab) = Tab::take().await else { return };
    let registry = Registry::new();
    let _running = registry.enter(|| planted::healthy("healthy"));
    let page = Page::open(tab, &registry).await;
    let no_finding = async || is(&page.findings().await, &Vec::new());
    throughout(Duration::from_secs(10), "nothing is found", no_finding).await;
    let [shown] = &page.pipelines().await[..] else { panic!("one pipeline") };
    assert!(shown.limiting.is_empty() && shown.verdict.contains("limited by its source"), "{shown:?}");
    assert_eq!(page.complaints().await, NONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_two_seconds_a_restart_is_counted() {
    let Some(tab) = Tab::take().await else { return };
    let registry = Registry::new();
    let fragile = registry.enter(|| Builder::new().name("fragile").supervised(|| Obedient));
    let page = Page::open(tab, &registry).await;
    let restarts = async || {
        let script = "return document.querySelector('#body [data-col=restarts]')?.dataset.value ?? ''";
        page.read::<String>(script).await
    };
    for failures in ["0", "1", "2"] {
        if failures != "0" {
            fragile.tell(Ask::Panic).await.expect("it lives on");
        }
        let begun = Instant::now();
        let counted = async || is(&restarts().await.as_str(), &failures);
        eventually(Duration::from_secs(2), "the page counts restarts", counted).await;
        println!("{failures} restarts after {:?}", begun.elapsed());
    }
    assert_eq!(page.complaints().await, NONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_errors_are_shown_as_they_are_written() {
    let Some(tab) = Tab::take().await else { return };
    let registry = Registry::new();
    let (_running, dying, hanging) = registry.enter(|| {
        let [dying, hanging] = [(); 2].map(|()| Builder::new().name(HOSTILE).spawn(Obedient));
        (planted::called(HOSTILE), dying, hanging)
    });
    dying.tell(Ask::Panic).await.expect("it lives");
    hanging.tell(Ask::Hang(HOSTILE)).await.expect("it lives");
    let page = Page::open(tab, &registry).await;

    let places = [
        "h3",
        "#pipelines p",
        "#pipelines [data-bottleneck] button",
        "li[data-finding]",
        "#body [data-col=name]",
        "#body [data-col=doing]",
        "#gone [data-col=name]",
        "#gone [data-col=reason]",
    ];
    let literal = async || {
        let script = format!(
            "return {}.filter(place => ![...document.querySelectorAll(place)].some(one => one.textContent.includes({})))",
            serde_json::json!(places),
            serde_json::json!(HOSTILE)
        );
        is(&page.read::<Vec<String>>(&script).await, &Vec::new())
    };
    eventually(Duration::from_secs(6), "all places have the name (these have not)", literal).await;
    let title: String = page.read("return document.title").await;
    assert!(title.contains("regatta"), "{title}");
    assert_eq!(page.read::<usize>("return document.images.length").await, 0);
    assert_eq!(page.complaints().await, NONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_started_again_is_found_again() {
    let Some(tab) = Tab::take().await else { return };
    let [before, after] = ["before", "after"].map(|name| {
        let registry = Registry::new();
        let actor = registry.enter(|| Builder::new().name(name).spawn(Obedient));
        (registry, actor)
    });
    let mut page = Page::open(tab, &before.0).await;
    page.is_live_within(Duration::from_secs(5)).await;
    assert_eq!(page.names().await, ["before"]);
    assert_eq!(page.complaints().await, NONE);

    page.abandon().await;
    let reconnecting = async || is(&page.connection().await.as_str(), &"reconnecting");
    eventually(Duration::from_secs(2), "the page tries again", reconnecting).await;

    page.serve_again(&after.0).await;
    let begun = Instant::now();
    page.is_live_within(Duration::from_secs(10)).await;
    println!("live again after {:?}", begun.elapsed());
    assert_eq!(page.names().await, ["after"]);
    // That nobody was there is what a browser warns of.
    let others = page.complaints().await.into_iter().filter(|complaint| !complaint.contains("net::ERR_"));
    assert_eq!(others.collect::<Vec<_>>(), NONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_snapshot_is_opened_and_keys_lead_through_the_page() {
    let Some(tab) = Tab::take().await else { return };
    let registries = ["then", "now"].map(|name| {
        let registry = Registry::new();
        let actors =
            registry.enter(|| ["a", "b"].map(|letter| Builder::new().name(format!("{name} {letter}")).spawn(Obedient)));
        (registry, actors)
    });
    let [then, now] = &registries;
    let page = Page::open(tab, &now.0).await;
    page.is_live_within(Duration::from_secs(5)).await;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("then.json");
    std::fs::write(&file, serde_json::to_vec(&then.0.snapshot()).expect("it can be written")).expect("there is room");

    let shows = async |what: &str, script: &str, wanted: &str| {
        let look = async || is(&page.read::<String>(script).await.as_str(), &wanted);
        eventually(Duration::from_secs(3), what, look).await;
    };
    let names = "return [...document.querySelectorAll('#body tr[data-row] [data-col=name] .name')]
        .map(name => name.textContent).sort().join()";
    page.tab.write("#file", &file.display().to_string()).await;
    shows("what was saved", names, "then a,then b").await;
    page.tab.write("body", ESCAPE).await;
    shows("what there is now", names, "now a,now b").await;

    page.tab.write("body", "/").await;
    shows("the filter to write into", "return document.activeElement.id", "filter").await;
    page.tab.write("#filter", "b").await;
    shows("what has this letter", names, "now b").await;
    page.tab.write("#filter", ESCAPE).await;
    shows("everything", names, "now a,now b").await;
    page.tab.run("document.activeElement.blur()").await;
    page.tab.write("body", "j").await;
    let row = "return document.activeElement.closest('#body tr')?.querySelector('.name').textContent.slice(0, 4) ?? ''";
    shows("a row that is gone to", row, "now ").await;
    let themes: [String; 2] = {
        let theme = async || page.read::<String>("return document.documentElement.dataset.theme ?? ''").await;
        page.tab.write("body", "t").await;
        let first = theme().await;
        page.tab.write("body", "t").await;
        [first, theme().await]
    };
    assert!(themes == ["dark", "light"] || themes == ["light", "dark"], "{themes:?}");
    assert_eq!(page.complaints().await, NONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_actors_the_page_shows_those_that_are_asked_for() {
    let Some(tab) = Tab::take().await else { return };
    let registry = Registry::new();
    let _planted = registry.scope(async { (planted::clients(10_000), planted::stuck("/deep", 40).await) }).await;
    let begun = Instant::now();
    let page = Page::open(tab, &registry).await;
    let shows = async |what: &str, wanted: &dyn Fn(&[String]) -> bool| {
        let look = async || {
            let names = page.names().await;
            if wanted(&names) {
                Ok(())
            } else {
                Err(format!("{} rows: {:?}…", names.len(), &names[..names.len().min(3)]))
            }
        };
        eventually(Duration::from_secs(5), what, look).await;
    };
    // What a finding is about comes in addition, whatever the order.
    let is_top = |names: &[String]| (200..=201).contains(&names.len());
    shows("200 of them", &is_top).await;
    println!("200 of 10,000 after {:?}", begun.elapsed());
    shows("the most active one first", &|names| names[0] == "/client/9999").await;

    let curve =
        "return [...document.querySelectorAll('#body svg path')].map(path => path.getAttribute('d') ?? '').join()";
    eventually(Duration::from_secs(6), "a row has a curve", async || {
        let curves = page.read::<String>(curve).await;
        if curves.matches('L').count() > 5 { Ok(()) } else { Err(curves) }
    })
    .await;

    page.tab.click("#rows th[data-col=depth] button").await;
    shows("the deepest first", &|names| is_top(names) && names[0] == "/deep").await;
    page.tab.click("#rows th[data-col=name] button").await;
    shows("names in order", &|names| is_top(names) && names[0] == "/client/0" && names.is_sorted()).await;

    page.tab.write("#filter", "Client/42").await;
    let is_found = |names: &[String]| names.len() == 111 && names.iter().all(|name| name.starts_with("/client/42"));
    shows("what has these letters", &is_found).await;
    pictures::take_of_many(&page).await;
    assert_eq!(page.complaints().await, NONE);
}
