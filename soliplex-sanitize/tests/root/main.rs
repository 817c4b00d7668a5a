//! What a stack below the sanitizing root sees: the same as without it, minus the secrets.

mod capture;
mod filters;
mod identity;
mod kinds;
mod layer;
mod limits;
mod property;
