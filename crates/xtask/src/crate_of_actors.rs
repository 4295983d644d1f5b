//! The source of a crate of many actors, ours or kameo's; the same but for what the two libraries ask for.

use std::path::Path;

use crate::manifest;

const ACTORS: usize = 50;

/// Who makes the actors.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Ours,
    Kameo,
}

/// What the crate does with its actors.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    /// A library that has them.
    Defined,
    /// A program that starts each and calls each method once: generic code is compiled where it is used.
    Called,
}

/// A method, and its call.
struct Method {
    /// From the name on; `EDIT` is another number in each round.
    code: &'static str,
    is_async: bool,
    name: &'static str,
    /// Names and values.
    args: &'static [(&'static str, &'static str)],
    /// What has an answer is asked, what has none is told.
    is_asked: bool,
}

const METHODS: [Method; 10] = [
    Method {
        code: "add(&mut self, by: u64) -> u64 { self.n += by + EDIT; self.n }",
        is_async: false,
        name: "add",
        args: &[("by", "1")],
        is_asked: true,
    },
    Method {
        code: "set(&mut self, to: u64) { self.n = to; }",
        is_async: false,
        name: "set",
        args: &[("to", "2")],
        is_asked: false,
    },
    Method { code: "get(&self) -> u64 { self.n }", is_async: false, name: "get", args: &[], is_asked: true },
    Method {
        code: "push(&mut self, name: String) { self.names.push(name); }",
        is_async: true,
        name: "push",
        args: &[("name", "String::new()")],
        is_asked: false,
    },
    Method {
        code: "count(&mut self) -> usize { self.names.len() }",
        is_async: true,
        name: "count",
        args: &[],
        is_asked: true,
    },
    Method {
        code: "names(&self) -> Vec<String> { self.names.clone() }",
        is_async: false,
        name: "names",
        args: &[],
        is_asked: true,
    },
    Method {
        code: "find(&mut self, name: String) -> Option<usize> { self.names.iter().position(|known| *known == name) }",
        is_async: true,
        name: "find",
        args: &[("name", "String::new()")],
        is_asked: true,
    },
    Method {
        code: "divide(&mut self, by: u64) -> Result<u64, String> { self.n.checked_div(by).ok_or_else(|| String::from(\"by zero\")) }",
        is_async: false,
        name: "divide",
        args: &[("by", "3")],
        is_asked: true,
    },
    Method {
        code: "rename(&mut self, at: usize, to: String) -> Result<(), String> {
        *self.names.get_mut(at).ok_or_else(|| String::from(\"nobody\"))? = to;
        Ok(())
    }",
        is_async: true,
        name: "rename",
        args: &[("at", "0"), ("to", "String::new()")],
        is_asked: true,
    },
    Method {
        code: "clear(&mut self) { self.names.clear(); }",
        is_async: false,
        name: "clear",
        args: &[],
        is_asked: false,
    },
];

impl Use {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Defined => "defined",
            Self::Called => "called",
        }
    }
}

impl Side {
    pub(crate) fn package(self, uses: Use) -> String {
        let side = match self {
            Self::Ours => "ours",
            Self::Kameo => "kameo",
        };
        format!("{side}-{}", uses.name())
    }

    /// `peers` is the manifest whose kameo and tokio are taken.
    pub(crate) fn manifest(self, uses: Use, root: &Path, peers: &str) -> String {
        let library = match self {
            // A literal string: paths may have backslashes.
            Self::Ours => format!("regatta = {{ path = '{}' }}", root.display()),
            Self::Kameo => manifest::dependency(peers, "kameo").to_owned(),
        };
        format!(
            "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{library}\n{}\n",
            self.package(uses),
            manifest::dependency(peers, "tokio"),
        )
    }

    /// Paths below `src`, and texts.
    pub(crate) fn sources(self, uses: Use) -> Vec<(String, String)> {
        let numbers = || 0..ACTORS;
        let mods: String = numbers().map(|number| format!("pub mod actor{number};\n")).collect();
        let root = match uses {
            Use::Defined => ("lib.rs".to_owned(), mods),
            Use::Called => {
                let calls: String = numbers().map(|number| format!("        actor{number}::call().await;\n")).collect();
                let main = format!(
                    "fn main() {{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {{\n{calls}    }});\n}}\n"
                );
                ("main.rs".to_owned(), format!("{mods}\n{main}"))
            }
        };
        numbers().map(|number| self.actor(number, uses, 0)).chain([root]).collect()
    }

    /// The file that a round changes.
    pub(crate) fn edited(self, uses: Use, round: usize) -> (String, String) {
        self.actor(0, uses, round)
    }

    fn actor(self, number: usize, uses: Use, round: usize) -> (String, String) {
        let name = format!("Actor{number}");
        let (derive, attribute, each) = match self {
            Self::Ours => ("Default", "#[regatta::actor]", ""),
            Self::Kameo => ("Default, kameo::Actor", "#[kameo::messages]", "    #[message]\n"),
        };
        let methods: Vec<_> = METHODS
            .iter()
            .map(|method| {
                let code = method.code.replace("EDIT", &round.to_string());
                format!("{each}    pub {}fn {code}\n", if method.is_async { "async " } else { "" })
            })
            .collect();
        let call = match uses {
            Use::Defined => String::new(),
            Use::Called => self.call(&name),
        };
        let text = format!(
            "#[derive({derive})]\npub struct {name} {{\n    n: u64,\n    names: Vec<String>,\n}}\n\n\
             {attribute}\nimpl {name} {{\n{}}}\n{call}",
            methods.join("\n"),
        );
        (format!("actor{number}.rs"), text)
    }

    fn call(self, name: &str) -> String {
        let start = match self {
            Self::Ours => format!("{name}::default().spawn()"),
            Self::Kameo => format!("<{name} as kameo::actor::Spawn>::spawn({name}::default())"),
        };
        let calls: String = METHODS
            .iter()
            .map(|method| {
                let call = match self {
                    Self::Ours => {
                        let values: Vec<_> = method.args.iter().map(|&(_, value)| value).collect();
                        let told = if method.is_asked { "" } else { ".tell()" };
                        format!("{}({}){told}", method.name, values.join(", "))
                    }
                    Self::Kameo => {
                        let how = if method.is_asked { "ask" } else { "tell" };
                        format!("{how}({})", message(method))
                    }
                };
                format!("    actor.{call}.await.unwrap();\n")
            })
            .collect();
        format!("\npub async fn call() {{\n    let actor = {start};\n{calls}}}\n")
    }
}

/// What kameo makes of a method: a struct of its name and its arguments.
fn message(method: &Method) -> String {
    let (first, rest) = method.name.split_at(1);
    let name = format!("{}{rest}", first.to_uppercase());
    let fields: Vec<_> = method.args.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    if fields.is_empty() { name } else { format!("{name} {{ {} }}", fields.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_have_the_same_methods_and_calls() {
        for side in [Side::Ours, Side::Kameo] {
            let (_, text) = side.edited(Use::Called, 7);
            assert_eq!(text.matches("    pub fn ").count() + text.matches("    pub async fn ").count(), METHODS.len());
            assert_eq!(text.matches("    actor.").count(), METHODS.len());
            assert!(text.contains("self.n += by + 7;"), "{text}");
        }
    }

    #[test]
    fn a_message_of_kameo_has_the_name_and_the_arguments() {
        let [add, _, get, ..] = &METHODS;
        assert_eq!((message(add), message(get)), ("Add { by: 1 }".to_owned(), "Get".to_owned()));
    }
}
