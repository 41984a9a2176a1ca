//! Readiness probes that speak the service's own protocol.
