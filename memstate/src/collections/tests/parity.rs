//! Details in which the collections are those of `std`.

use crate::collections::{BTreeMap, BTreeSet, HashMap, HashSet, Vec as List, VecDeque, hash_map};

#[test]
fn empty_collections_are_constants_and_readable() {
    const MAP: HashMap<u8, u8> = HashMap::new();
    const SET: HashSet<u8> = HashSet::new();
    const TREE: BTreeMap<u8, u8> = BTreeMap::new();
    const TREE_SET: BTreeSet<u8> = BTreeSet::new();
    const LIST: List<u8> = List::new();
    const DEQUE: VecDeque<u8> = VecDeque::new();
    let (mut map, mut list) = (MAP, LIST);
    assert_eq!((map.len(), map.iter().len(), map.keys().len(), map.capacity()), (0, 0, 0, 0));
    assert_eq!(map.get(&1), None);
    assert_eq!(map.get_mut(&1), None);
    assert_eq!(map.remove(&1), None);
    assert_eq!((SET.len(), TREE.len(), TREE_SET.len(), DEQUE.len()), (0, 0, 0, 0));
    assert_eq!((TREE.range(..).count(), TREE_SET.union(&BTreeSet::from([1])).count()), (0, 1));
    assert_eq!(list.pop(), None);
    assert_eq!(list.first_mut(), None);
    assert_eq!(list.as_mut_slice().len(), 0);
    assert_eq!(list.get_mut(0..0), Some(&mut [][..]));
    assert_eq!(DEQUE.as_slices(), (&[][..], &[][..]));
}

#[test]
fn capacities_are_those_asked_for() {
    let mut list = List::<u8>::with_capacity(10);
    assert!(list.capacity() >= 10);
    list.extend([1, 2]);
    list.shrink_to_fit();
    assert!(list.capacity() < 10);
    assert!(list.try_reserve(usize::MAX).is_err());
    let mut map = HashMap::<u8, u8>::with_capacity(10);
    assert!(map.capacity() >= 10);
    map.reserve(100);
    assert!(map.capacity() >= 100);
    map.shrink_to_fit();
    assert!(map.capacity() < 100);
}

#[test]
fn hash_collections_are_equal_whatever_the_order() {
    let (map, other) = (HashMap::from([(1, 'a'), (2, 'b')]), HashMap::from([(2, 'b'), (1, 'a')]));
    assert_eq!(map, other);
    assert!(!map.keys().eq(other.keys()));
    assert_ne!(map, HashMap::from([(1, 'a'), (2, 'c')]));
    assert_ne!(map, HashMap::from([(1, 'a')]));
    assert_eq!(HashSet::from([1, 2]), HashSet::from([2, 1]));
}

#[test]
fn a_vec_compares_with_slices_arrays_and_the_vec_of_std() {
    let list = List::from([1, 2]);
    assert!(
        list == [1, 2]
            && list == &[1, 2][..]
            && list == vec![1, 2]
            && vec![1, 2] == list
            && list == *[1, 2].as_slice()
    );
    assert!(list < List::from([1, 3]) && list == List::from(vec![1, 2]));
    assert_eq!((&list[..1], list[1], list.iter().rev().len()), (&[1][..], 2, 2));
    assert_eq!(<[i32; 2]>::try_from(list.clone()), Ok([1, 2]));
    assert_eq!(<[i32; 3]>::try_from(list), Err(List::from([1, 2])));
}

#[test]
fn removing_from_a_hash_map_moves_the_last_entry_unless_it_shifts() {
    let mut map: HashMap<_, _> = (0..5).map(|n| (n, n)).collect();
    assert_eq!(map.remove(&1), Some(1));
    assert!(map.keys().eq(&[0, 4, 2, 3]));
    assert_eq!(map.shift_remove(&0), Some(0));
    assert!(map.keys().eq(&[4, 2, 3]));
    assert_eq!(map.insert(2, 9), Some(2));
    assert!(map.values().eq(&[4, 9, 3]));
}

#[test]
fn entries_know_their_keys_and_values() {
    let mut map = HashMap::from([("a".to_owned(), 1)]);
    assert_eq!(map.entry("b".into()).key(), "b");
    match map.entry("a".into()) {
        hash_map::Entry::Occupied(mut entry) => {
            assert_eq!((entry.key().as_str(), *entry.get()), ("a", 1));
            assert_eq!(entry.insert(2), 1);
            assert_eq!(entry.remove(), 2);
        }
        hash_map::Entry::Vacant(_) => unreachable!(),
    }
    assert!(map.is_empty());
    assert_eq!(map.get("a"), None);
    let mut tree = BTreeMap::from([(1, 'a'), (2, 'b')]);
    assert_eq!(tree.first_entry().unwrap().remove_entry(), (1, 'a'));
    assert_eq!((tree.pop_last(), tree.pop_last()), (Some((2, 'b')), None));
}

#[test]
fn iterators_run_from_both_ends() {
    let mut tree: BTreeMap<_, _> = (0..5).map(|n| (n, n)).collect();
    assert_eq!(tree.iter_mut().len(), 5);
    tree.range_mut(1..4).rev().for_each(|(_, value)| *value *= 2);
    assert!(tree.values().rev().eq(&[4, 6, 4, 2, 0]));
    assert!(tree.into_keys().rev().eq([4, 3, 2, 1, 0]));
    let mut deque = VecDeque::from([1, 2, 3]);
    assert!(deque.range_mut(1..).rev().eq([&mut 3, &mut 2]));
    assert!(deque.drain(..).rev().eq([3, 2, 1]));
    let map = HashMap::from([(1, 2), (3, 4)]);
    assert_eq!((map.iter().len(), format!("{:?}", map.values())), (2, "[2, 4]".into()));
}

#[test]
fn a_clone_is_deep() {
    let mut list = List::from([List::from([1])]);
    let clone = list.clone();
    list[0].push(2);
    assert_eq!((list, clone), (List::from([List::from([1, 2])]), List::from([List::from([1])])));
}

#[test]
fn collections_become_those_of_std_and_back() {
    let map: std::collections::HashMap<_, _> = HashMap::from([(1, 2)]).into();
    assert_eq!(HashMap::from(map), HashMap::from([(1, 2)]));
    let tree: std::collections::BTreeMap<_, _> = BTreeMap::from([(1, 2)]).into();
    assert_eq!(BTreeMap::from(tree), BTreeMap::from([(1, 2)]));
    let deque: std::collections::VecDeque<_> = VecDeque::from([1]).into();
    assert_eq!(VecDeque::from(deque), [1]);
    let set: std::collections::BTreeSet<_> = BTreeSet::from([1]).into();
    assert_eq!(BTreeSet::from(set), BTreeSet::from([1]));
}

#[test]
#[should_panic(expected = "out of bounds")]
fn an_index_that_is_not_there_panics() {
    List::from([1])[1] = 2;
}

#[test]
#[should_panic(expected = "the range ends at 2")]
fn a_range_that_is_not_there_panics() {
    List::from([1]).drain(..2);
}
