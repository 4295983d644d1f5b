use regatta::actor::{Context, StopReason};

struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn one(&self) {}

    async fn started(&mut self, _cx: &mut Context<Self>) {}

    async fn stopping(&mut self) {}

    async fn stopped(&mut self, _reason: &StopReason) {}
}

fn main() {}
