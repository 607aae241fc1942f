mod fold;
mod service;
mod values;
