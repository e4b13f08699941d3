//! [`State`] for the values of `std`.

use std::{marker::PhantomData, net, num, ops};

use serde::{Serialize, de::DeserializeOwned};

use super::{State, Visitor, by_copy};

by_copy!((), bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);
by_copy!(
    num::NonZeroU8,
    num::NonZeroU16,
    num::NonZeroU32,
    num::NonZeroU64,
    num::NonZeroU128,
    num::NonZeroUsize
);
by_copy!(
    num::NonZeroI8,
    num::NonZeroI16,
    num::NonZeroI32,
    num::NonZeroI64,
    num::NonZeroI128,
    num::NonZeroIsize
);
by_copy!(String, Box<str>, std::path::PathBuf, std::ffi::CString);
by_copy!(net::IpAddr, net::Ipv4Addr, net::Ipv6Addr, net::SocketAddr, net::SocketAddrV4, net::SocketAddrV6);

impl<T: Send + Sync + 'static> State for PhantomData<T> {
    type Saved = ();
    fn save(&self) {}
    fn restore((): ()) -> Self {
        PhantomData
    }
    fn visit(&mut self, _: &mut Visitor) {}
}

impl<T: State> State for Option<T> {
    type Saved = Option<T::Saved>;
    fn save(&self) -> Self::Saved {
        self.as_ref().map(T::save)
    }
    fn restore(saved: Self::Saved) -> Self {
        saved.map(T::restore)
    }
    fn put_back(&mut self, saved: Self::Saved) {
        match (self, saved) {
            (Some(value), Some(saved)) => value.put_back(saved),
            (slot, saved) => super::discard(std::mem::replace(slot, saved.map(T::restore))),
        }
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        if let Some(value) = self {
            value.visit(visitor);
        }
    }
}

impl<T: State, E: State> State for Result<T, E> {
    type Saved = Result<T::Saved, E::Saved>;
    fn save(&self) -> Self::Saved {
        match self {
            Ok(value) => Ok(value.save()),
            Err(error) => Err(error.save()),
        }
    }
    fn restore(saved: Self::Saved) -> Self {
        saved.map(T::restore).map_err(E::restore)
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        match self {
            Ok(value) => value.visit(visitor),
            Err(error) => error.visit(visitor),
        }
    }
}

impl<T: State> State for Box<T> {
    type Saved = Box<T::Saved>;
    fn save(&self) -> Self::Saved {
        Box::new((**self).save())
    }
    fn restore(saved: Self::Saved) -> Self {
        Box::new(T::restore(*saved))
    }
    fn put_back(&mut self, saved: Self::Saved) {
        (**self).put_back(*saved);
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        (**self).visit(visitor);
    }
}

/// Saved as a whole, element by element: for a list that is short or seldom changes. A list that grows belongs
/// into [`memstate::collections::Vec`](crate::collections::Vec).
impl<T: State> State for Vec<T> {
    type Saved = Vec<T::Saved>;
    fn save(&self) -> Self::Saved {
        self.iter().map(T::save).collect()
    }
    fn restore(saved: Self::Saved) -> Self {
        saved.into_iter().map(T::restore).collect()
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        self.iter_mut().for_each(|value| value.visit(visitor));
    }
}

impl<T: State> State for Box<[T]> {
    type Saved = Vec<T::Saved>;
    fn save(&self) -> Self::Saved {
        self.iter().map(T::save).collect()
    }
    fn restore(saved: Self::Saved) -> Self {
        saved.into_iter().map(T::restore).collect()
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        self.iter_mut().for_each(|value| value.visit(visitor));
    }
}

impl<T: State, const N: usize> State for [T; N]
where
    [T; N]: Serialize + DeserializeOwned,
{
    type Saved = [T::Saved; N];
    fn save(&self) -> Self::Saved {
        self.each_ref().map(T::save)
    }
    fn restore(saved: Self::Saved) -> Self {
        saved.map(T::restore)
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        self.iter_mut().for_each(|value| value.visit(visitor));
    }
}

impl<T: State> State for ops::Range<T> {
    type Saved = (T::Saved, T::Saved);
    fn save(&self) -> Self::Saved {
        (self.start.save(), self.end.save())
    }
    fn restore((start, end): Self::Saved) -> Self {
        T::restore(start)..T::restore(end)
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        self.start.visit(visitor);
        self.end.visit(visitor);
    }
}

impl<T: State> State for std::cmp::Reverse<T> {
    type Saved = T::Saved;
    fn save(&self) -> Self::Saved {
        self.0.save()
    }
    fn restore(saved: Self::Saved) -> Self {
        std::cmp::Reverse(T::restore(saved))
    }
    fn visit(&mut self, visitor: &mut Visitor) {
        self.0.visit(visitor);
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),+))*) => {$(
        impl<$($name: State),+> State for ($($name,)+) {
            type Saved = ($($name::Saved,)+);
            fn save(&self) -> Self::Saved {
                ($(self.$index.save(),)+)
            }
            fn restore(saved: Self::Saved) -> Self {
                ($($name::restore(saved.$index),)+)
            }
            fn put_back(&mut self, saved: Self::Saved) {
                $(self.$index.put_back(saved.$index);)+
            }
            fn visit(&mut self, visitor: &mut Visitor) {
                $(self.$index.visit(visitor);)+
            }
        }
    )*};
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11)
}
