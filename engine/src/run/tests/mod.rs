//! Whole runs against scripted hosts, in process.

mod blocks;
mod check;
mod durable;
mod fold;
mod handlers;
mod lost;
mod modules;
mod order;
mod playbook;
mod resume;
mod shown;
mod story;
mod tasks;
mod variables;
