struct Clerk;

#[regatta::actor]
impl Clerk {
    pub async fn wait(&mut self) {
        let held = std::rc::Rc::new(1);
        std::future::pending::<()>().await;
        drop(held);
    }
}

fn main() {}
