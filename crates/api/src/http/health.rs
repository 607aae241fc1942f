//! Whether the process lives, and whether it can serve.

use std::sync::Arc;

use actix_web::{get, web};

use crate::http::language::Language;
use crate::response::envelope::Done;
use crate::response::error::ApiError;

/// Tells whether this instance can serve.
#[async_trait::async_trait]
pub trait ReadinessProbe: Send + Sync {
    /// Whether the database answers and the instance is not about to stop. MUST be quick.
    async fn is_ready(&self) -> bool;

    /// Whether the instance is stopping and lets no new connections in. It serves on for a while on those that there are, and
    /// tells each client to use another for what comes next.
    fn takes_leave(&self) -> bool;
}

/// The process lives.
#[utoipa::path(tag = "operation", responses((status = 200, body = Done)))]
#[get("/healthz")]
pub(crate) async fn healthz(language: Language) -> Done {
    Done::new(language)
}

/// The instance can serve: its database answers and it is not about to stop.
#[utoipa::path(tag = "operation", responses((status = 200, body = Done)),
    extensions(("x-errors" = json!(["unavailable"]))))]
#[get("/readyz")]
pub(crate) async fn readyz(
    probe: web::Data<Arc<dyn ReadinessProbe>>,
    language: Language,
) -> Result<Done, ApiError> {
    if probe.is_ready().await { Ok(Done::new(language)) } else { Err(ApiError::not_ready()) }
}
