//! The operator's wish to stop.

/// Resolves when the process is asked to stop: Ctrl-C anywhere, SIGTERM on Unix too.
///
/// From the first call on, the signals no longer end the process by themselves: whoever waits has to.
///
/// # Examples
/// ```
/// use regatta::task::{TaskGroup, shutdown_signal};
/// use std::time::Duration;
///
/// async fn serve(group: TaskGroup) {
///     shutdown_signal().await;
///     println!("{}", group.shutdown(Duration::from_secs(10)).await);
/// }
/// # let _ = serve;
/// ```
///
/// # Cancel safety
/// Safe in `select!`: nothing is lost but a signal that arrives while nobody waits.
///
/// # Panics
/// When the operating system refuses to install a handler for Ctrl-C, and outside a tokio runtime.
pub async fn shutdown_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                let interrupt = std::pin::pin!(interrupted());
                let terminate = std::pin::pin!(terminate.recv());
                futures::future::select(interrupt, terminate).await;
                return;
            }
            Err(error) => tracing::warn!(target: "regatta::task", %error, "SIGTERM cannot be waited for; Ctrl-C can"),
        }
    }
    interrupted().await;
}

async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        panic!("shutdown_signal: no handler for Ctrl-C can be installed: {error}");
    }
}
