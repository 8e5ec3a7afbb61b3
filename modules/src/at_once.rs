//! Several hosts at once, within one task: nothing is spawned, so nothing outlives whoever waits.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Runs these at the same time; the results are in their order.
pub async fn all<'a, T>(doing: impl IntoIterator<Item = impl Future<Output = T> + Send + 'a>) -> Vec<T> {
    let mut running: Vec<Pin<Box<dyn Future<Output = T> + Send + 'a>>> = Vec::new();
    for future in doing {
        running.push(Box::pin(future));
    }
    let mut results: Vec<Option<T>> = running.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, result) in running.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *result = Some(value);
            }
        }
        if results.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    results.into_iter().flatten().collect()
}
