//! Long polling: a request is answered when there is something to tell, or when its time is over.
//!
//! While it waits it holds neither a database connection nor a thread, and none of its account's places among the requests in flight.
//! The wait ends early when the client closes its side and when the instance stops.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::rt::time::{Instant, timeout};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use domain::auth::Caller;
use domain::error::PortError;
use domain::realtime::{ChangeListener, SyncPage};
use futures_util::future::{Either, select};

use crate::admission::{Bulkheads, Requester};
use crate::extract::app_data;
use crate::http::connection::ConnectionEnd;
use crate::realtime::SyncSource;
use crate::response::error::ApiError;
use crate::settings::ApiSettings;
use crate::state::UseCases;

/// What a wait depends on.
pub(crate) struct LongPoll {
    admission: Data<Bulkheads>,
    settings: Data<ApiSettings>,
    /// Unknown in tests without a server.
    end: Option<ConnectionEnd>,
}

impl FromRequest for LongPoll {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let end = request.conn_data::<ConnectionEnd>().cloned();
        let settings = app_data::<ApiSettings>(request).cloned();
        let admission = app_data::<Bulkheads>(request).cloned();
        ready(admission.and_then(|admission| Ok(Self { admission, settings: settings?, end })))
    }
}

impl LongPoll {
    /// Reads until there is something to tell, for as long as `wait`. After each wait the session is confirmed, because one that has
    /// ended gets nothing more.
    pub(crate) async fn read<F>(
        &self,
        use_cases: &UseCases,
        caller: Caller,
        wait: Duration,
        read: impl Fn() -> F,
    ) -> Result<SyncPage, ApiError>
    where
        F: Future<Output = Result<SyncPage, PortError>>,
    {
        let requester = Requester::Account(caller.user_id);
        let source = if wait.is_zero() { SyncSource::Plain } else { SyncSource::LongPoll };
        self.settings.sockets.count_sync(source);
        if wait.is_zero() {
            let _permit = self.admission.request(requester).permit().await?;
            return Ok(read().await?);
        }
        let _place = self.admission.wait(caller.user_id).await?;
        let deadline = Instant::now() + wait;
        // Made before the first read, so that no change falls between the two.
        let mut listener = use_cases.sync.listen(caller.user_id);
        let mut has_waited = false;
        loop {
            let page = {
                let _permit = self.admission.request(requester).permit().await?;
                if has_waited {
                    use_cases.sessions.confirm(caller).await?;
                }
                read().await?
            };
            if !page.is_empty() || !self.is_woken(&mut *listener, deadline).await {
                return Ok(page);
            }
            has_waited = true;
        }
    }

    /// Waits for a change. False when the wait is over without one.
    async fn is_woken(&self, listener: &mut dyn ChangeListener, deadline: Instant) -> bool {
        let over = async {
            match &self.end {
                Some(end) => drop(select(Box::pin(end.wait()), Box::pin(self.admission.waits_end())).await),
                None => self.admission.waits_end().await,
            }
        };
        let first = select(listener.changed(), Box::pin(over));
        let left = deadline.saturating_duration_since(Instant::now());
        matches!(timeout(left, first).await, Ok(Either::Left(_)))
    }
}
