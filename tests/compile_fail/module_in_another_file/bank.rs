pub struct Bank;
