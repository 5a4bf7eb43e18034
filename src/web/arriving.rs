// SPDX-License-Identifier: GPL-3.0-or-later
//! What comes behind the head of a request. As long as not all of it has come, nothing is being answered, and
//! its connection gives way like one that is idle.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use crate::connections::Place;

pub(crate) struct Arriving {
    body: Incoming,
    place: Arc<Place>,
}

impl Arriving {
    pub(crate) fn new(body: Incoming, place: Arc<Place>) -> Self {
        if body.is_end_stream() {
            place.busy();
        }
        Self { body, place }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        // One that comes in chunks says its length by its end.
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.place.busy();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
