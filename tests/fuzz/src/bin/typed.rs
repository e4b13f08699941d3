//! A call as it is typed in a shell: the name of a command, and then an argument on each line.
#![no_main]

memstate_fuzz::target!(typed);
