use super::*;
use crate::collections::{Vec as Ours, VecDeque as OurDeque};

type Item = Ours<u32>;
type Mirror = Vec<u32>;

fn apply_vec(ours: &mut Ours<Item>, mirror: &mut Vec<Mirror>, (kind, a, b): Op) {
    let len = ours.len();
    let at = a as usize;
    let (low, high) = (at.min(b as usize % (len + 1)), at.max(b as usize % (len + 1)).min(len));
    let low = low.min(high);
    match kind % 34 {
        0..=5 => both!(ours, mirror, v => v.push(vec![b].into())),
        6 => both!(ours, mirror, v => v.pop()),
        7 => both!(ours, mirror, v => v.insert(at.min(len), vec![b, b].into())),
        8 => both!(ours, mirror, v => (at < len).then(|| v.remove(at))),
        9 => both!(ours, mirror, v => (at < len).then(|| v.swap_remove(at))),
        10 => both!(ours, mirror, v => v.truncate(at)),
        11 => both!(ours, mirror, v => v.resize(at, vec![b].into())),
        12 => both!(ours, mirror, v => v.drain(low..high).collect::<Vec<_>>()),
        13 => {
            both!(ours, mirror, v => v.splice(low..high, [vec![b].into(), vec![].into()]).collect::<Vec<_>>())
        }
        14 => both!(ours, mirror, v => v.retain(|x| x.first().is_some_and(|x| *x > b))),
        15 => both!(ours, mirror, v => v.retain_mut(|x| { x.push(b); x.len() < 3 })),
        16 => both!(ours, mirror, v => v.dedup()),
        17 => both!(ours, mirror, v => v.dedup_by_key(|x| x.len())),
        18 => both!(ours, mirror, v => v.sort()),
        19 => both!(ours, mirror, v => v.reverse()),
        20 => both!(ours, mirror, v => v.rotate_left(at.min(len))),
        21 => both!(ours, mirror, v => if at < len { v.swap(at, b as usize % len) }),
        22 => both!(ours, mirror, v => v.get_mut(at).map(|x| x.push(b))),
        23 => both!(ours, mirror, v => if at < len { v[at] = vec![b].into() }),
        24 => both!(ours, mirror, v => v.first_mut().map(|x| x.clear())),
        25 => both!(ours, mirror, v => v.last_mut().map(|x| std::mem::take(x))),
        26 => both!(ours, mirror, v => v.iter_mut().skip(1).step_by(2).for_each(|x| x.push(b))),
        27 => both!(ours, mirror, v => v.iter_mut().rev().take(2).for_each(|x| *x = vec![].into())),
        28 => both!(ours, mirror, v => v.split_off(at.min(len))),
        29 => both!(ours, mirror, v => {
            let mut tail = v.split_off(at.min(len));
            tail.append(v);
            v.append(&mut tail);
        }),
        30 => both!(ours, mirror, v => v.get_mut(low..high).map(|xs| xs.iter_mut().for_each(|x| x.push(b)))),
        31 => both!(ours, mirror, v => v.extract_if(.., |x| x.len() == 1).take(2).collect::<Vec<_>>()),
        32 => both!(ours, mirror, v => {
            let all = std::mem::take(v);
            v.extend(all.into_iter().rev());
            v.pop_if(|x| x.is_empty())
        }),
        _ => both!(ours, mirror, v => if b % 4 == 0 { v.clear() } else { v.extend_from_within(low..high) }),
    }
}

fn panic_in_vec(ours: &mut Ours<Item>, (kind, a, b): Op) {
    let mut ok = fuse(a.into());
    match kind % 8 {
        0 => ours.retain_mut(|x| {
            x.push(b);
            ok() && b % 2 == 0
        }),
        1 => ours.sort_by(|x, y| {
            ok();
            y.cmp(x)
        }),
        2 => ours.dedup_by(|x, y| {
            x.push(b);
            y.push(b);
            ok()
        }),
        3 => ours.extend((0..50).map(|_| {
            ok();
            Ours::from([b])
        })),
        4 => drop(ours.splice(.., (0..50).map(|_| ok().then(Ours::new).unwrap()))),
        5 => ours.resize_with(1000, || {
            ok();
            Ours::from([b])
        }),
        6 => ours
            .extract_if(.., |x| {
                x.clear();
                ok() && b % 2 == 0
            })
            .for_each(drop),
        _ => ours.iter_mut().for_each(|x| {
            ok();
            x.push(b);
        }),
    }
}

fn apply_deque(ours: &mut OurDeque<Item>, mirror: &mut std::collections::VecDeque<Mirror>, (kind, a, b): Op) {
    let len = ours.len();
    let at = a as usize;
    let (low, high) = (at.min(b as usize % (len + 1)), at.max(b as usize % (len + 1)).min(len));
    let low = low.min(high);
    match kind % 28 {
        0..=3 => both!(ours, mirror, v => v.push_back(vec![b].into())),
        4..=6 => both!(ours, mirror, v => v.push_front(vec![b].into())),
        7 => both!(ours, mirror, v => v.pop_back()),
        8 => both!(ours, mirror, v => v.pop_front()),
        9 => both!(ours, mirror, v => v.insert(at.min(len), vec![b, b].into())),
        10 => both!(ours, mirror, v => v.remove(at)),
        11 => both!(ours, mirror, v => v.swap_remove_back(at)),
        12 => both!(ours, mirror, v => v.swap_remove_front(at)),
        13 => both!(ours, mirror, v => v.truncate(at)),
        14 => both!(ours, mirror, v => v.resize(at, vec![b].into())),
        15 => both!(ours, mirror, v => v.drain(low..high).collect::<Vec<_>>()),
        16 => both!(ours, mirror, v => v.retain_mut(|x| { x.push(b); x.len() < 3 })),
        17 => both!(ours, mirror, v => v.make_contiguous().sort()),
        18 => both!(ours, mirror, v => v.rotate_left(at.min(len))),
        19 => both!(ours, mirror, v => v.rotate_right(at.min(len))),
        20 => both!(ours, mirror, v => if at < len { v.swap(at, b as usize % len) }),
        21 => both!(ours, mirror, v => v.get_mut(at).map(|x| x.push(b))),
        22 => both!(ours, mirror, v => v.front_mut().map(|x| std::mem::take(x))),
        23 => both!(ours, mirror, v => v.range_mut(low..high).rev().for_each(|x| x.push(b))),
        24 => both!(ours, mirror, v => v.iter_mut().for_each(|x| *x = vec![b].into())),
        25 => both!(ours, mirror, v => {
            let mut tail = v.split_off(at.min(len));
            tail.append(v);
            v.append(&mut tail);
            v.back_mut().map(|x| x.clear())
        }),
        26 => both!(ours, mirror, v => {
            let all = std::mem::take(v);
            v.extend(all.into_iter().rev());
        }),
        _ => both!(ours, mirror, v => if b % 4 == 0 { v.clear() } else { v.make_contiguous().reverse() }),
    }
}

fn panic_in_deque(ours: &mut OurDeque<Item>, (kind, a, b): Op) {
    let mut ok = fuse(a.into());
    match kind % 4 {
        0 => ours.retain_mut(|x| {
            x.push(b);
            ok() && b % 2 == 0
        }),
        1 => ours.extend((0..50).map(|_| {
            ok();
            Ours::from([b])
        })),
        2 => ours.resize_with(1000, || {
            ok();
            Ours::from([b])
        }),
        _ => ours.iter_mut().rev().for_each(|x| {
            ok();
            x.push(b);
        }),
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn a_vec_is_that_of_std_and_comes_back(script in script()) {
        play(&script, Ours::new(), Vec::new(), apply_vec, panic_in_vec);
    }

    #[test]
    fn a_deque_is_that_of_std_and_comes_back(script in script()) {
        play(&script, OurDeque::new(), Default::default(), apply_deque, panic_in_deque);
    }
}
