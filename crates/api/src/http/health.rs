//! Liveness and readiness endpoints.

use std::sync::Arc;

use actix_web::{get, web};

use crate::response::envelope::Done;
use crate::response::error::ApiError;

/// Reports whether this instance can serve.
#[async_trait::async_trait]
pub trait ReadinessProbe: Send + Sync {
    /// Whether the database responds and the instance is not about to stop. MUST be quick.
    async fn is_ready(&self) -> bool;

    /// Whether the instance is draining: it accepts no new connections and closes each existing one after its next response.
    fn is_draining(&self) -> bool;

    /// Whether work on the database stands still. MUST NOT block.
    fn stands_still(&self) -> bool {
        false
    }
}

/// Check liveness.
#[utoipa::path(tag = "operation", responses((status = 200, body = Done)))]
#[get("/healthz")]
pub(crate) async fn check_liveness() -> Done {
    Done::new()
}

/// Check readiness.
#[utoipa::path(tag = "operation", responses((status = 200, body = Done)),
    extensions(("x-errors" = json!(["unavailable"]))))]
#[get("/readyz")]
pub(crate) async fn check_readiness(probe: web::Data<Arc<dyn ReadinessProbe>>) -> Result<Done, ApiError> {
    if probe.is_ready().await { Ok(Done::new()) } else { Err(ApiError::not_ready()) }
}
