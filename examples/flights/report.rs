//! What is printed at the end.

use std::fmt::{self, Write};

use crate::{
    clock::Moment,
    code::Code,
    model::{Flight, Flights, Place, Plan, Status, Totals},
};

/// What is known of the whole year, means in thousandths of a minute.
pub struct Known {
    flights: u32,
    cancelled: u32,
    carriers: u32,
    destinations: u32,
    departed: u32,
    departure_delay_millimin: i64,
    arrived: u32,
    arrival_delay_millimin: i64,
}

/// The totals that the whole year must have.
pub const WHOLE_YEAR: Known = Known {
    flights: 336_776,
    cancelled: 8_255,
    carriers: 16,
    destinations: 105,
    departed: 328_521,
    departure_delay_millimin: 12_639,
    arrived: 327_346,
    arrival_delay_millimin: 6_895,
};

/// Where totals are not what is known, one line for each.
pub fn differences(totals: &Totals, known: &Known) -> Vec<String> {
    let millimin = |mean: f64| (mean * 1000.0).round() as i64;
    let all = &totals.all;
    [
        ("flights", i64::from(all.flights), i64::from(known.flights)),
        ("cancelled", i64::from(all.cancelled), i64::from(known.cancelled)),
        ("carriers", i64::from(totals.carriers), i64::from(known.carriers)),
        ("destinations", i64::from(totals.destinations), i64::from(known.destinations)),
        ("left", i64::from(all.departed), i64::from(known.departed)),
        (
            "mean departure delay in 1/1000 min",
            millimin(all.mean_departure_delay()),
            known.departure_delay_millimin,
        ),
        ("arrived with a delay", i64::from(all.arrived), i64::from(known.arrived)),
        (
            "mean arrival delay in 1/1000 min",
            millimin(all.mean_arrival_delay()),
            known.arrival_delay_millimin,
        ),
    ]
    .into_iter()
    .filter(|(_, found, expected)| found != expected)
    .map(|(what, found, expected)| format!("{what}: {found}, expected {expected}"))
    .collect()
}

/// Everything that the model is asked at the end.
pub fn report(flights: &Flights, board: Code, at: Moment, aircraft: Option<Code>) -> String {
    let mut out = String::new();
    write_report(&mut out, flights, board, at, aircraft).expect("a string takes everything");
    out
}

fn write_report(
    out: &mut String,
    flights: &Flights,
    board: Code,
    at: Moment,
    aircraft: Option<Code>,
) -> fmt::Result {
    write_carriers(out, flights)?;
    write_board(out, flights, board, at)?;
    write_aircraft(out, flights, board, at, aircraft)?;
    write_corrections(out, flights)?;
    write_totals(out, &flights.totals())
}

fn write_carriers(out: &mut String, flights: &Flights) -> fmt::Result {
    writeln!(out, "\nDelays by carrier, in minutes\n")?;
    let header = ["Flights", "Cancelled", "Departure", "Arrival"];
    writeln!(
        out,
        "      {:<28}{:>9}{:>11}{:>11}{:>9}",
        "Carrier", header[0], header[1], header[2], header[3]
    )?;
    for (code, name, tally) in flights.delays() {
        writeln!(
            out,
            "  {code:<4}{name:<28}{:>9}{:>11}{:>11.1}{:>9.1}",
            thousands(tally.flights),
            thousands(tally.cancelled),
            tally.mean_departure_delay(),
            tally.mean_arrival_delay(),
        )?;
    }
    Ok(())
}

fn write_board(out: &mut String, flights: &Flights, board: Code, at: Moment) -> fmt::Result {
    writeln!(out, "\nDepartures of {} from {at}\n", airport(flights, board))?;
    let departures = flights.board(board, at, 8);
    if departures.is_empty() {
        writeln!(out, "  none")?;
    }
    for (_, Flight { plan, status }) in departures {
        let destination = airport(flights, plan.destination);
        let clock = plan.departs.to_string();
        writeln!(out, "  {}  {:<9}{destination:<40}{}", &clock[6..], number(&plan), outcome(&status))?;
    }
    Ok(())
}

fn write_aircraft(
    out: &mut String,
    flights: &Flights,
    board: Code,
    at: Moment,
    aircraft: Option<Code>,
) -> fmt::Result {
    let tails: Vec<Code> = match aircraft {
        Some(tail) => vec![tail],
        None => {
            let board = flights.board(board, at, 8);
            board.iter().filter_map(|(_, flight)| flight.plan.aircraft).take(3).collect()
        }
    };
    writeln!(out, "\nWhere aircraft are, by the clocks of New York\n")?;
    for tail in tails {
        let kind = flights.aircraft_type(tail);
        let kind = kind.map_or_else(
            || "not in the register".to_owned(),
            |it| format!("{}, {} seats", it.name, it.seats),
        );
        let place = match flights.whereabouts(tail) {
            None => "has not flown".to_owned(),
            Some(Place::Unknown) => "unknown".to_owned(),
            Some(Place::At { airport: code, since }) => format!("{} since {since}", airport(flights, code)),
            Some(Place::InTheAir { flight }) => match flights.flight(flight) {
                Some(Flight { plan, .. }) => {
                    format!("in the air to {}, as {}", airport(flights, plan.destination), number(&plan))
                }
                None => "in the air".to_owned(),
            },
        };
        writeln!(out, "  {tail:<8}{kind:<40}{place}")?;
    }
    Ok(())
}

fn write_corrections(out: &mut String, flights: &Flights) -> fmt::Result {
    let corrections = flights.corrections();
    let seen_later = corrections.iter().filter(|correction| {
        flights.flight(correction.flight).is_some_and(|it| matches!(it.status, Status::Arrived { .. }))
    });
    let seen_later = seen_later.count();
    writeln!(
        out,
        "\nRefused: {} departures with an aircraft that was still in the air; entered again after\n\
         it was taken off its earlier flight\n",
        thousands(corrections.len() as u32),
    )?;
    writeln!(
        out,
        "  {:>9}  times the arrival of the earlier flight is not known",
        corrections.len() - seen_later
    )?;
    writeln!(out, "  {seen_later:>9}  times it arrived later: two flights had one aircraft")
}

fn write_totals(out: &mut String, totals: &Totals) -> fmt::Result {
    let all = &totals.all;
    writeln!(out, "\nFrom New York in 2013\n")?;
    for (number, what) in [
        (all.flights, "flights".to_owned()),
        (all.cancelled, "cancelled".to_owned()),
        (totals.carriers, "carriers".to_owned()),
        (totals.destinations, "destinations".to_owned()),
        (all.departed, format!("left, with a mean delay of {:.3} min", all.mean_departure_delay())),
        (all.arrived, format!("arrived, with a mean delay of {:.3} min", all.mean_arrival_delay())),
    ] {
        writeln!(out, "  {:>9}  {what}", thousands(number))?;
    }
    Ok(())
}

fn airport(flights: &Flights, code: Code) -> String {
    match flights.airport(code) {
        Some(name) => format!("{code} {name}"),
        None => code.to_string(),
    }
}

fn number(plan: &Plan) -> String {
    format!("{} {}", plan.carrier, plan.number)
}

fn outcome(status: &Status) -> String {
    let late = |delay: i32| match delay {
        0 => "on time".to_owned(),
        1.. => format!("{delay} min late"),
        _ => format!("{} min early", -delay),
    };
    match *status {
        Status::Scheduled => "scheduled".to_owned(),
        Status::Departed { delay } => format!("left {}", late(delay)),
        Status::Arrived { departure_delay, delay: Some(delay), .. } => {
            format!("left {}, arrived {}", late(departure_delay), late(delay))
        }
        Status::Arrived { departure_delay, delay: None, .. } => {
            format!("left {}, arrived", late(departure_delay))
        }
        Status::Cancelled => "cancelled".to_owned(),
    }
}

/// A number with commas: `336,776`.
pub fn thousands(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in
            [(0u32, "0"), (999, "999"), (1_000, "1,000"), (336_776, "336,776"), (1_000_000, "1,000,000")]
        {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn an_empty_model_differs_from_the_year_in_everything() {
        let lines = differences(&Flights::default().totals(), &WHOLE_YEAR);
        assert_eq!(lines.len(), 8);
        assert_eq!(lines[0], "flights: 0, expected 336776");
    }
}
