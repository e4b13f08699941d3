//! The matrix of rights: everything that is answered, by every kind of credential, over HTTP and to typed clients.

#[path = "matrix/http.rs"]
mod http;
#[path = "matrix/limits.rs"]
mod limits;
#[path = "matrix/place.rs"]
mod place;
#[path = "matrix/reach.rs"]
mod reach;
#[path = "matrix/typed.rs"]
mod typed;
