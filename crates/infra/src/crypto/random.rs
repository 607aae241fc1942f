//! Random bytes from the operating system.

use domain::account::RandomSource;
use domain::error::PortError;

/// The operating system's random generator.
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
    fn random_draws_differ() {
        assert_ne!(SystemRandom.bytes().unwrap(), SystemRandom.bytes().unwrap());
    }
}
