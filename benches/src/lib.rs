//! What the road costs, beside its peers.
