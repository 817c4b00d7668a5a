//! The listening side: connections, their deadlines, and a shutdown that loses nothing.

mod addresses;
mod idle;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use crate::accept::{App, Delivery, Peer};
use crate::auth::{AuthSetupError, Authenticator};
use crate::body::Room;
use crate::config::{Config, Delivery as DeliveryMode};
use crate::dead_letters::DeadLetters;
use crate::forward::{Forwarder, Upstream, UpstreamError};
use crate::metrics::{Account, Metrics};
use crate::otlp::Window;
use crate::rate_limit::RateLimits;
use crate::routes;
use crate::spool::{Pending, Spool, StoreError};
use crate::tls::{self, TlsError};
use addresses::Addresses;
use idle::Requests;

/// A server that has its address, its store and its keys, and is about to serve.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    tls: Option<tokio_rustls::TlsAcceptor>,
    app: Arc<App>,
    router: Router,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The store cannot be had.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The dead letters' folder cannot be had.
    #[error("the folder of dead letters cannot be used")]
    DeadLetters(#[source] io::Error),
    /// The keys cannot be had.
    #[error(transparent)]
    Auth(#[from] AuthSetupError),
    /// No request could be made to the upstream.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What a server did, told at the end.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
#[must_use]
pub struct Report {
    /// The sums over all records.
    pub account: Account,
    /// Whether every connection and request ended within the deadline.
    pub in_time: bool,
    /// Whether the server stopped by itself, because the spool's writer ended in a defect. Started
    /// again it goes on with what is on disk.
    pub failed: bool,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the store, reads the keys, and takes the address.
    pub async fn bind(config: Config) -> Result<Server, BindError> {
        let metrics = Arc::new(Metrics::default());
        let upstream = Arc::new(Upstream::try_new(&config.forward, Arc::clone(&metrics))?);
        let auth = Authenticator::try_new(&config.auth).await?;
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let delivery = match config.forward.delivery {
            DeliveryMode::Passthrough => Delivery::Passthrough {
                upstream,
                window: Window {
                    max_age: config.forward.max_age,
                    max_ahead: config.forward.max_ahead,
                },
            },
            DeliveryMode::Spool => {
                let spool = Arc::new(Spool::open(&config.data_dir, &config.limits)?);
                note_recovered(&spool, &metrics);
                let dead_letters =
                    DeadLetters::open(&config.data_dir, config.limits.dead_letter_bytes)
                        .map_err(BindError::DeadLetters)?;
                dead_letters
                    .clear_unfinished()
                    .map_err(BindError::DeadLetters)?;
                let forwarder = Forwarder::new(
                    &config.forward,
                    Arc::clone(&spool),
                    upstream,
                    Arc::new(dead_letters),
                    Arc::clone(&metrics),
                );
                Delivery::Spool {
                    spool,
                    forwarder: Arc::new(forwarder),
                }
            }
        };
        let listener =
            TcpListener::bind(config.listen)
                .await
                .map_err(|source| BindError::Listen {
                    address: config.listen,
                    source,
                })?;
        let local_addr = listener.local_addr().map_err(|source| BindError::Listen {
            address: config.listen,
            source,
        })?;
        let app = Arc::new(App {
            auth,
            rates: RateLimits::new(&config.limits),
            metrics,
            delivery,
            logfire: config.forward.endpoint.is_logfire(),
            room: Room::new(&config.limits),
            slots: Arc::new(Semaphore::new(config.limits.concurrent_requests)),
            draining: false.into(),
            limits: config.limits,
        });
        let router = routes::router(Arc::clone(&app), &config.cors_origins);
        Ok(Server {
            listener,
            local_addr,
            tls,
            app,
            router,
        })
    }

    /// The address that is listened on, its port filled in.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` is ready; then takes no new request, finishes those under way,
    /// forwards what the upstream takes, and returns within `limits.shutdown_timeout_seconds`. What
    /// is left stays on disk.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Report {
        let (stop, stopped) = watch::channel(false);
        let forwarding = match &self.app.delivery {
            Delivery::Spool { forwarder, .. } => {
                Some(tokio::spawn(Arc::clone(forwarder).run(stopped)))
            }
            Delivery::Passthrough { .. } => None,
        };
        let refreshing = self.app.auth.keep_fresh();
        let connections = GracefulShutdown::new();
        let failed = tokio::select! {
            () = self.accept_until(shutdown, &connections) => false,
            () = self.app.delivery.writer_gone() => true,
        };
        if failed {
            tracing::error!("the spool's writer ended in a defect; the server stops");
        }

        let app = self.app;
        drop(self.listener);
        app.draining.store(true, Ordering::Relaxed);
        drop(refreshing);
        let deadline = tokio::time::Instant::now() + app.limits.shutdown_timeout;
        let finished = async {
            connections.shutdown().await;
            app.until_idle().await;
        };
        let closed = tokio::time::timeout_at(deadline, finished).await.is_ok();
        // The forwarder is the only receiver; without one there is nobody to tell.
        let _ = stop.send(true);
        let mut forwarded = true;
        if let Some(mut forwarding) = forwarding {
            forwarded = tokio::time::timeout_at(deadline, &mut forwarding)
                .await
                .is_ok();
            forwarding.abort();
        }
        let pending = match &app.delivery {
            Delivery::Spool { spool, .. } => {
                // A disk that hangs must not hold up the end; what is not flushed is sent again.
                let _ = tokio::time::timeout_at(deadline, spool.flush()).await;
                spool.pending()
            }
            Delivery::Passthrough { .. } => Pending::default(),
        };
        Report {
            account: app.metrics.account(pending),
            in_time: closed && forwarded,
            failed,
        }
    }

    async fn accept_until(
        &self,
        shutdown: impl Future<Output = ()>,
        connections: &GracefulShutdown,
    ) {
        let mut shutdown = pin!(shutdown);
        let slots = Arc::new(Semaphore::new(self.app.limits.connections));
        let addresses = Addresses::new(self.app.limits.connections_per_address);
        let builder = Arc::new(self.connection_builder());
        loop {
            let slot = tokio::select! {
                () = &mut shutdown => return,
                slot = Arc::clone(&slots).acquire_owned() => slot,
            };
            let (stream, peer) = tokio::select! {
                () = &mut shutdown => return,
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file handles, usually: let some go before the next attempt.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let Some(place) = addresses.place(peer.ip()) else {
                // An answer would cost what the limit is there to save.
                self.app.metrics.connection_refused();
                continue;
            };
            let (router, tls, builder) =
                (self.router.clone(), self.tls.clone(), Arc::clone(&builder));
            let watcher = connections.watcher();
            let idle_timeout = self.app.limits.header_timeout;
            tokio::spawn(async move {
                let _held = (slot, place);
                // Small answers leave at once. A socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                match tls {
                    None => {
                        serve_connection(&builder, stream, peer, router, watcher, idle_timeout)
                            .await;
                    }
                    Some(tls) => {
                        if let Ok(Ok(stream)) =
                            tokio::time::timeout(idle_timeout, tls.accept(stream)).await
                        {
                            serve_connection(&builder, stream, peer, router, watcher, idle_timeout)
                                .await;
                        }
                    }
                }
            });
        }
    }

    fn connection_builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.app.limits.header_timeout)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEADER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(MAX_HEADER_BYTES as u32)
            .max_concurrent_streams(MAX_STREAMS)
            .keep_alive_interval(self.app.limits.header_timeout)
            .keep_alive_timeout(self.app.limits.header_timeout);
        builder
    }
}

async fn serve_connection<S>(
    builder: &auto::Builder<TokioExecutor>,
    stream: S,
    peer: SocketAddr,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
    idle_timeout: Duration,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let requests = Arc::new(Requests::default());
    let counted = Arc::clone(&requests);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let (router, under_way) = (router.clone(), counted.begin());
        async move {
            let _under_way = under_way;
            Ok::<_, Infallible>(
                router
                    .oneshot(request.map(Body::new))
                    .await
                    .unwrap_or_else(|never| match never {}),
            )
        }
    });
    let connection = builder
        .serve_connection(TokioIo::new(stream), service)
        .into_owned();
    // A client that breaks off is nothing to report; what it had posted whole was answered or not.
    tokio::select! {
        _ = watcher.watch(connection) => {}
        () = requests.idle_for(idle_timeout) => {}
    }
}

fn note_recovered(spool: &Spool, metrics: &Metrics) {
    let recovered = spool.recovered();
    metrics.recovered(recovered.pending.records);
    if recovered.set_aside.is_some() {
        metrics.store_set_aside();
    }
    if recovered.pending.records > 0 {
        tracing::info!(
            records = recovered.pending.records,
            "records wait from the last time"
        );
    }
}

/// Ends on Ctrl-C, and on SIGTERM where there is such a thing.
///
/// Listens for them from the call on, not only once it is waited for: a server that has said where
/// it listens can be asked to stop.
pub fn until_asked_to_stop() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let signals = {
        use tokio::signal::unix::{SignalKind, signal};
        [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok())
    };
    async move {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = signals.map(async |signal| match signal {
                Some(mut signal) => drop(signal.recv().await),
                // Without a handler there is no way to be asked.
                None => std::future::pending().await,
            });
            tokio::select! {
                () = interrupt => {}
                () = terminate => {}
            }
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Our own client sends six; proxies add as many again.
const MAX_HEADERS: usize = 64;

/// Four times the longest token.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// A client posts one batch at a time; a proxy in front may carry many clients.
const MAX_STREAMS: u32 = 64;

// A token must fit.
const _: () = assert!(MAX_HEADER_BYTES > soliplex_wire::limits::MAX_TOKEN_BYTES);
