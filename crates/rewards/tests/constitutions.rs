//! From principles to a reward: what comes out, what is refused and in which words.

use clicker_rewards::constitution::{reward_config, standings};
use clicker_rewards::reward;
use clicker_wire::{Constitution, Constraint, Expected, Gate, Grader, Item, Principle, PrincipleLimit, WeightedGrader};

fn principle(id: &str, graders: &[&str], limit: Option<PrincipleLimit>) -> Principle {
    let graders = graders.iter().map(ToString::to_string).collect();
    Principle { id: id.into(), text: "Say what is true.".into(), why: "People act on it.".into(), graders, limit }
}

fn constitution() -> Constitution {
    let grader = |name: &str, weight, grader| WeightedGrader { name: name.into(), weight, grader };
    let gate = Gate { grader: "form".into(), at_least: 1.0, otherwise: -1.0 };
    let price = Constraint { grader: "long".into(), limit: 0.2, start: 0.5, rate: 0.1 };
    Constitution {
        name: "test".into(),
        about: String::new(),
        principles: vec![
            principle("true", &["right", "form"], Some(PrincipleLimit::Gate(gate))),
            principle("short", &["long"], Some(PrincipleLimit::Constraint(price))),
            principle("formal", &["form"], None),
        ],
        graders: vec![
            grader("right", 1.0, Grader::Normalised {}),
            grader("form", 0.5, Grader::Format {}),
            grader("long", 0.0, Grader::Length { free: 10, limit: 20 }),
        ],
    }
}

#[test]
fn graders_gates_and_constraints_come_over() {
    let constitution = constitution();
    let config = reward_config(&constitution).unwrap();
    assert_eq!(config.graders, constitution.graders);
    assert_eq!((config.gates.len(), config.constraints.len()), (1, 1));
    let paris = Item { expected: Expected::Answer, accepted: vec!["Paris".into()], ..Item::free("?") };
    // Right and well formed; 13 characters cost 0.3, above the limit; with no accepted answer `right` does not apply.
    let rows = [
        (paris.clone(), "Paris.", [(Some(1.5), Some(true)), (Some(0.0), Some(true)), (Some(0.5), None)]),
        (paris, "It is Paris..", [(Some(1.0), Some(false)), (Some(0.0), Some(false)), (Some(0.0), None)]),
        (Item::free("?"), "Paris.", [(Some(0.5), Some(true)), (Some(0.0), Some(true)), (Some(0.5), None)]),
    ];
    for (item, text, expected) in rows {
        let got = standings(&constitution, &reward(&config, &item, text));
        let got: Vec<_> = got.iter().map(|s| (s.contribution, s.kept)).collect();
        assert_eq!(got, expected, "{text}");
    }
    let json = serde_json::to_string(&constitution).unwrap();
    assert_eq!(serde_json::from_str::<Constitution>(&json).unwrap(), constitution);
}

#[test]
fn what_is_refused() {
    let with = |change: fn(&mut Constitution)| {
        let mut c = constitution();
        change(&mut c);
        reward_config(&c).unwrap_err().to_string()
    };
    let rows = [
        (with(|c| c.principles.clear()), "no principles"),
        (with(|c| c.principles[0].id = "True".into()), "principle \"True\": its id"),
        (with(|c| c.principles[1].id = "true".into()), "principle \"true\": its id is given twice"),
        (with(|c| c.principles[1].why = " ".into()), "its why has 1 bytes"),
        (
            with(|c| c.principles[2].graders.clear()),
            "principle \"formal\": it is bound to no grader, expected one or more of right, form, long",
        ),
        (
            with(|c| c.principles[2].graders[0] = "from".into()),
            "names the grader \"from\", which is not there (did you mean \"form\"?)",
        ),
        (with(|c| c.principles[2].graders.push("form".into())), "\"form\" twice"),
        (
            with(|c| c.principles[1].graders[0] = "right".into()),
            "its limit is on \"long\", expected one of its own graders: right",
        ),
        (
            with(|c| {
                c.principles.remove(1);
            }),
            "the grader \"long\" serves no principle",
        ),
        (with(|c| c.graders[0].weight = f64::NAN), "weight is NaN"),
    ];
    for (error, words) in rows {
        assert!(error.contains(words), "{error} lacks {words}");
    }
}
