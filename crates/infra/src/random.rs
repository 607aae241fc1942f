//! The system's randomness.

use domain::error::PortError;
use domain::user::RandomSource;

/// Draws from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl RandomSource for SystemRandom {
    fn bytes(&self) -> Result<[u8; 16], PortError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| PortError::internal(error.to_string()))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_draws_are_alike() {
        assert_ne!(SystemRandom.bytes().unwrap(), SystemRandom.bytes().unwrap());
    }
}
