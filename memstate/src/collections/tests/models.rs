//! A model of several fields whose values are moved about as a whole, which no collection sees.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::*;
use crate::collections as ours;

/// The model and its mirror: the same fields, of our types and of plain ones.
macro_rules! model {
    ($name:ident, $shape:ident, [$($derive:ident),*], $list:ident, $hash:ident, $tree:ident) => {
        #[derive(Default, Debug, $($derive),*)]
        pub struct $name {
            a: $hash<u32, $list<u32>>,
            b: $hash<u32, $list<u32>>,
            tree: $tree<u8, $hash<u8, u32>>,
            list: $list<Option<$list<u32>>>,
            shape: $shape,
            number: u32,
        }

        #[derive(Default, Debug, $($derive),*)]
        pub enum $shape {
            #[default]
            Empty,
            List($list<u32>),
            Tree { tree: $tree<u8, $list<u32>>, number: u32 },
        }

        #[allow(clippy::map_entry)]
        impl $name {
            pub fn apply(&mut self, (kind, a, b): Op) {
                let key = u32::from(a);
                match kind % 26 {
                    0 | 1 => drop(self.a.insert(key, [b].into())),
                    2 => self.a.entry(key).or_default().push(b),
                    3 => self.a = Default::default(),
                    4 => self.b = std::mem::take(&mut self.a),
                    5 => std::mem::swap(&mut self.a, &mut self.b),
                    6 => if let Some(list) = self.a.get_mut(&key) { *list = [b, b].into() },
                    7 => if let Some(list) = self.a.shift_remove(&key) {
                        self.list.push(Some(list));
                        if let Some(Some(list)) = self.list.last_mut() { list.push(b) }
                    },
                    8 => if let Some(Some(mut list)) = self.list.pop() {
                        list.push(b);
                        self.b.insert(key, list);
                    },
                    9 => self.list.push(Some([b].into())),
                    10 => self.list.push(None),
                    11 => if let Some(slot) = self.list.last_mut() {
                        match slot.take() {
                            Some(mut list) => { list.push(1); self.shape = $shape::List(list) }
                            None => *slot = Some(Default::default()),
                        }
                    },
                    12 => self.shape = match std::mem::take(&mut self.shape) {
                        $shape::Empty => $shape::Tree { tree: Default::default(), number: b },
                        $shape::List(list) => $shape::Tree { tree: [(a, list)].into(), number: b },
                        $shape::Tree { tree, number } => {
                            self.number = number;
                            tree.into_iter().next().map_or($shape::Empty, |(_, list)| $shape::List(list))
                        }
                    },
                    13 => match &mut self.shape {
                        $shape::Empty => self.shape = $shape::List([b].into()),
                        $shape::List(list) => list.push(b),
                        $shape::Tree { tree, number } => { tree.entry(a).or_default().push(b); *number += 1 }
                    },
                    14 => { self.tree.entry(a).or_default().insert(a / 2, b); }
                    15 => if let Some(map) = self.tree.get_mut(&a) { map.clear(); map.insert(a, b); },
                    16 => if let Some(map) = self.tree.remove(&a) { self.tree.insert(a / 2, map); },
                    17 => if let Some((_, map)) = self.tree.pop_first() {
                        let other = self.tree.entry(a).or_default();
                        let mut map = std::mem::replace(other, map);
                        map.insert(1, b);
                        other.extend(map);
                    },
                    18 => self.b = self.a.clone(),
                    19 => if let Some(list) = self.a.get(&key).cloned() { self.list.insert(0, Some(list)) },
                    20 => self.a.values_mut().for_each(|list| std::mem::swap(list, self.b.entry(key).or_default())),
                    21 => self.number = self.number.wrapping_add(b),
                    22 => {
                        let mut gone = std::mem::take(self);
                        gone.a.insert(key, [b].into());
                        self.b = gone.a;
                        self.list = gone.list;
                        self.tree = gone.tree;
                        self.tree.retain(|_, map| { map.insert(0, b); !map.contains_key(&a) });
                    }
                    23 => if let Some((key, mut list)) = self.a.shift_remove_entry(&key) {
                        // Out, changed, in again.
                        list.push(b);
                        self.a.insert(key, list);
                        self.a.get_mut(&key).unwrap().push(b);
                    },
                    24 => {
                        let moved: Vec<_> = self.list.drain(..).flatten().collect();
                        self.b.extend((0..).zip(moved));
                        self.b.values_mut().for_each(|list| list.push(b));
                    }
                    _ => {
                        if let ($shape::List(list), Some(Some(other))) = (&mut self.shape, self.list.first_mut()) {
                            std::mem::swap(list, other);
                            list.push(b);
                        }
                    }
                }
            }
        }
    };
}

mod with_ours {
    use super::{ours::BTreeMap, ours::HashMap, ours::Vec as List, *};
    model!(Model, Shape, [Serialize, Deserialize], List, HashMap, BTreeMap);

    impl State for Model {
        type Saved = (
            (<HashMap<u32, List<u32>> as State>::Saved, <HashMap<u32, List<u32>> as State>::Saved),
            <BTreeMap<u8, HashMap<u8, u32>> as State>::Saved,
            <List<Option<List<u32>>> as State>::Saved,
            SavedShape,
            u32,
        );

        fn save(&self) -> Self::Saved {
            let Model { a, b, tree, list, shape, number } = self;
            ((a.save(), b.save()), tree.save(), list.save(), shape.save(), *number)
        }

        fn restore(((a, b), tree, list, shape, number): Self::Saved) -> Self {
            Model {
                a: HashMap::restore(a),
                b: HashMap::restore(b),
                tree: BTreeMap::restore(tree),
                list: List::restore(list),
                shape: Shape::restore(shape),
                number,
            }
        }

        fn put_back(&mut self, ((a, b), tree, list, shape, number): Self::Saved) {
            self.a.put_back(a);
            self.b.put_back(b);
            self.tree.put_back(tree);
            self.list.put_back(list);
            self.shape.put_back(shape);
            self.number = number;
        }

        fn visit(&mut self, visitor: &mut crate::state::Visitor) {
            let Model { a, b, tree, list, shape, number: _ } = self;
            a.visit(visitor);
            b.visit(visitor);
            tree.visit(visitor);
            list.visit(visitor);
            shape.visit(visitor);
        }
    }

    pub enum SavedShape {
        Empty,
        List(<List<u32> as State>::Saved),
        Tree(<BTreeMap<u8, List<u32>> as State>::Saved, u32),
    }

    impl State for Shape {
        type Saved = SavedShape;

        fn save(&self) -> SavedShape {
            match self {
                Shape::Empty => SavedShape::Empty,
                Shape::List(list) => SavedShape::List(list.save()),
                Shape::Tree { tree, number } => SavedShape::Tree(tree.save(), *number),
            }
        }

        fn restore(saved: SavedShape) -> Self {
            match saved {
                SavedShape::Empty => Shape::Empty,
                SavedShape::List(list) => Shape::List(List::restore(list)),
                SavedShape::Tree(tree, number) => Shape::Tree { tree: BTreeMap::restore(tree), number },
            }
        }

        fn visit(&mut self, visitor: &mut crate::state::Visitor) {
            match self {
                Shape::Empty => {}
                Shape::List(list) => list.visit(visitor),
                Shape::Tree { tree, .. } => tree.visit(visitor),
            }
        }
    }

    pub fn check(script: &Script) {
        play(
            script,
            Model::default(),
            super::plain::Model::default(),
            |ours, mirror, op| {
                ours.apply(op);
                mirror.apply(op)
            },
            |ours, (kind, a, b)| {
                let mut ok = fuse(a.into());
                match kind % 3 {
                    0 => ours.a.values_mut().for_each(|list| {
                        std::mem::take(list).into_iter().for_each(|_| assert!(ok()));
                    }),
                    1 => ours.list.retain_mut(|list| {
                        *list = Some([b].into());
                        ok()
                    }),
                    _ => ours.tree.retain(|_, map| {
                        map.clear();
                        ok() && b % 2 == 0
                    }),
                }
            },
        );
    }

    pub fn both_ways(script: &Script) {
        let mut model = Model::default();
        for op in script.before.iter().chain(&script.command) {
            model.apply(*op);
        }
        let bytes = postcard::to_allocvec(&model).unwrap();
        let back: Model = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(format!("{model:?}"), format!("{back:?}"));
    }

    /// The trace of the same command on two equal models is the same.
    pub fn traces(script: &Script) {
        let run = || {
            let mut model = Model::default();
            for op in &script.before {
                model.apply(*op);
            }
            let mut trace = crate::state::trace::Trace::default();
            let outcome: Result<(), Failed<()>> =
                crate::state::transaction::traced(&mut model, &mut trace, |model| {
                    for op in &script.command {
                        model.apply(*op);
                    }
                    Ok(())
                });
            outcome.unwrap();
            trace.digest()
        };
        assert_eq!(run(), run());
    }
}

mod plain {
    use std::collections::BTreeMap;

    use super::*;
    use Vec as List;
    type HashMap<K, V> = IndexMap<K, V>;
    model!(Model, Shape, [Clone], List, HashMap, BTreeMap);
}

impl Script {
    fn longer(mut self) -> Self {
        let again = self.before.clone();
        self.before.extend(again.iter().map(|(kind, a, b)| (kind.wrapping_mul(7), a / 2, b + 1)));
        self
    }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn a_model_comes_back_whatever_was_moved(script in script()) {
        with_ours::check(&script.longer());
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn a_model_survives_serde(script in script()) {
        with_ours::both_ways(&script.longer());
    }

    #[test]
    fn equal_commands_leave_equal_traces(script in script()) {
        with_ours::traces(&script);
    }
}
