//! What can be chosen of breadcrumbs.

use std::sync::Arc;

use soliplex_wire::Category;

use super::Builder;
use crate::breadcrumbs::{Breadcrumbs, FILE, Previous};

impl Builder {
    /// How many records the [breadcrumb layer](crate::Soliplex::breadcrumb_layer) keeps at least;
    /// default 100, at most 16,384. They take half a kilobyte each. An application that shows its
    /// user what it has been doing ([`recent`](crate::Soliplex::recent)) wants some thousands.
    pub fn breadcrumbs(mut self, records: usize) -> Builder {
        self.breadcrumbs.slots = records;
        self
    }

    /// How many breadcrumbs go with an error or a panic: the last ones before it; default and most
    /// 20, and with 0 none.
    pub fn attached_breadcrumbs(mut self, records: usize) -> Builder {
        self.breadcrumbs.attached = records;
        self
    }

    /// Says what kind of thing the loggers under this prefix tell of.
    ///
    /// A prefix matches whole segments, parted by `.` or `::`, in any case, wherever they stand in
    /// the logger: `Sync` matches `sync.upload` and `app::sync`, and not `Synchronous`. Built in are
    /// `Router`, `Navigation`, `UI` for [`Category::Ui`]; `Http`, `Network`, `Connectivity` for
    /// [`Category::Network`]; `Lifecycle`, `Permission` for [`Category::System`]; `Auth`, `Login`,
    /// `User` for [`Category::User`]. All else is of [`Category::System`]. The application's own
    /// prefixes come first, and an event's field `breadcrumb_category` before all of them.
    ///
    /// ```
    /// use tracing_soliplex::{Category, Soliplex};
    ///
    /// let builder = Soliplex::builder("field-app", "1.4.2")
    ///     .breadcrumb_category("Sync", Category::Other("sync".into()))
    ///     .breadcrumb_category("app::map", Category::Ui);
    /// ```
    pub fn breadcrumb_category(mut self, prefix: &str, category: Category) -> Builder {
        self.breadcrumbs.categories.add(prefix, category);
        self
    }

    /// The breadcrumbs in the store directory, if there is one, and what an earlier process left
    /// there.
    pub(crate) fn open_breadcrumbs(&mut self) -> (Arc<Breadcrumbs>, Previous) {
        let options = std::mem::take(&mut self.breadcrumbs);
        let directory = self.store_dir.as_ref();
        let file = directory.map(|directory| directory.join(FILE));
        let (breadcrumbs, previous) = Breadcrumbs::open(file.as_deref(), options);
        (Arc::new(breadcrumbs), previous)
    }
}
