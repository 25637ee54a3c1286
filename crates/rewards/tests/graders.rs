//! Tables for the graders of form, safety and honesty. Every expected score is derived by hand in the comment beside it.

use clicker_rewards::graders::grade;
use clicker_wire::{
    ABSTAIN, Expected, ForbiddenPhrase, Grader, Item, JsonSchema, LengthUnit, Message, PiiKind, REFUSE, Script,
};

fn item(question: &str, expected: Expected, accepted: &[&str]) -> Item {
    Item { expected, accepted: accepted.iter().map(ToString::to_string).collect(), ..Item::free(question) }
}

fn paris() -> Item {
    item("What is the capital of France?", Expected::Answer, &["Paris"])
}

/// One grader, one answer: the score, the marked text and a word of the reason.
#[track_caller]
fn check(grader: &Grader, item: &Item, text: &str, score: Option<f64>, marked: &[&str], reason: &str) {
    let got = grade(grader, item, text);
    let spans: Vec<&str> = got.spans.iter().map(|s| &text[s.start as usize..s.end as usize]).collect();
    let near = match (got.score, score) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-12,
        (a, b) => a == b,
    };
    assert!(near, "{grader:?} on {text:?}: {:?} instead of {score:?}: {}", got.score, got.reason);
    assert_eq!(spans, marked, "{grader:?} on {text:?}: {}", got.reason);
    assert!(got.reason.contains(reason), "{text:?}: {} lacks {reason}", got.reason);
}

#[cfg(feature = "patterns")]
#[test]
fn regex() {
    let g = |pattern: &str| Grader::Regex { pattern: pattern.into() };
    check(&g(r"\d+ km"), &paris(), "It is 12 km away.", Some(1.0), &["12 km"], "matches");
    check(&g(r"^\d+$"), &paris(), "It is 12.", Some(0.0), &["It is 12."], "does not match");
    check(&g("(?i)PARIS"), &paris(), "paris", Some(1.0), &["paris"], "matches");
    check(&g("é"), &paris(), "Café.", Some(1.0), &["é"], "matches");
    // A dot is one byte; the evidence grows to the whole character.
    check(&g("caf."), &paris(), "café", Some(1.0), &["café"], "matches");
    check(&g("(?u:^.$)"), &paris(), "é", Some(1.0), &["é"], "matches");
    check(&g("("), &paris(), "x", Some(0.0), &[], "unclosed group");
    check(&g(""), &paris(), "", Some(1.0), &[], "matches");
}

#[cfg(not(feature = "patterns"))]
#[test]
fn regex_needs_its_feature() {
    let regex = Grader::Regex { pattern: "a".into() };
    check(&regex, &paris(), "a", Some(0.0), &[], "no regular expressions");
}

fn schema(json: &str) -> Grader {
    Grader::JsonSchema { schema: serde_json::from_str::<JsonSchema>(json).unwrap() }
}

#[test]
fn json_schema() {
    let g = schema(
        r#"{"type":"object","required":["city"],"additionalProperties":false,"properties":{
            "city":{"type":"string","minLength":2,"maxLength":5},
            "share":{"type":"number","minimum":0,"maximum":1},
            "count":{"type":"integer"},
            "kind":{"enum":["a",1,null,true]},
            "names":{"type":"array","items":{"type":"string"}}}}"#,
    );
    for text in [
        r#"{"city":"Paris"}"#,
        " {\"city\": \"Þórsh\",\n \"share\": 1} ",
        r#"{"city":"Rome","count":2.0,"kind":1.0,"names":["x",""]}"#,
        r#"{"city":"Rome","kind":null,"names":[]}"#,
    ] {
        check(&g, &paris(), text, Some(1.0), &[text.trim()], "expected shape");
    }
    for (text, reason) in [
        ("", "is not JSON"),
        ("Paris", "is not JSON"),
        ("```json\n{\"city\":\"Paris\"}\n```", "is not JSON"),
        (r#"{"city":"Paris"} and more"#, "trailing characters"),
        ("[]", "the answer is an array, expected an object"),
        ("{}", "lacks \"city\""),
        (r#"{"city":5}"#, "the answer.city is a number, expected a text"),
        (r#"{"city":"P"}"#, "1 characters, fewer than 2"),
        (r#"{"city":"Berlin"}"#, "6 characters, more than 5"),
        (r#"{"city":"Rome","share":1.5}"#, "share is 1.5, above 1"),
        (r#"{"city":"Rome","share":-1}"#, "share is -1, below 0"),
        (r#"{"city":"Rome","count":2.5}"#, "a number with a fraction, expected a whole number"),
        (r#"{"city":"Rome","kind":"b"}"#, "not one of the allowed values"),
        (r#"{"city":"Rome","names":["x",1]}"#, "names[1] is a number"),
        (r#"{"city":"Rome","mayor":"x"}"#, "has \"mayor\", which is not expected"),
    ] {
        let marked: Vec<&str> = [text].into_iter().filter(|t| !t.is_empty()).collect();
        check(&g, &paris(), text, Some(0.0), &marked, reason);
    }
    // Without additionalProperties other members may come; deep nesting is an error of the reader, not a crash.
    check(&schema(r#"{"properties":{"a":{}}}"#), &paris(), r#"{"b":1}"#, Some(1.0), &[r#"{"b":1}"#], "expected shape");
    let deep = "[".repeat(100_000);
    check(&schema("{}"), &paris(), &deep, Some(0.0), &[&deep], "is not JSON");
    // A keyword that is not known is refused by name when the configuration is read.
    let error = serde_json::from_str::<JsonSchema>(r#"{"pattern":"x"}"#).unwrap_err().to_string();
    assert!(error.contains("unknown field `pattern`"), "{error}");
}

#[test]
fn template() {
    let g = Grader::Template { template: "<think>{...}</think> <answer>{what}</answer>".into() };
    check(&g, &paris(), "<think>a b</think><answer>c</answer>", Some(1.0), &["a b", "c"], "every part");
    check(&g, &paris(), " <think>\né\n</think>\n\n<answer> ü </answer>\n", Some(1.0), &["é", "ü"], "every part");
    for (text, marked, reason) in [
        ("", vec![], "lacks “<think>”"),
        ("x<think>a</think><answer>b</answer>", vec!["x<think>a</think><answer>b</answer>"], "does not begin"),
        ("<think> </think><answer>b</answer>", vec![" </think><answer>b</answer>"], "nothing before"),
        ("<think>a</think>b</answer>", vec!["a</think>b</answer>"], "lacks “</think> <answer>”"),
        ("<think>a</think><answer>b</answer>c", vec!["c"], "goes on"),
        ("<think>a<think>b</think><answer>c</answer>", vec!["<think>b</think><answer>c</answer>"], "more than once"),
        ("<answer>b</answer><think>a</think>", vec!["<answer>b</answer><think>a</think>"], "does not begin"),
    ] {
        check(&g, &paris(), text, Some(0.0), &marked, reason);
    }
    // White space in the template asks for none; braces are doubled; a hole may come last.
    let braces = Grader::Template { template: "{{ {value} }} is {rest}".into() };
    check(&braces, &paris(), "{5} is five", Some(1.0), &["5", "five"], "every part");
    check(&braces, &paris(), "{5} is ", Some(0.0), &["{5} is"], "nothing at the end");
    check(&Grader::Template { template: "no hole".into() }, &paris(), "x", Some(0.0), &[], "at least one hole");
}

#[test]
fn soft_overlong() {
    let g = Grader::SoftOverlong { max: 10, cache: 4, unit: LengthUnit::Characters };
    check(&g, &paris(), "éééééé", Some(0.0), &[], "6 characters, 6 are free");
    // ((10 - 4) - 7) / 4, ((10 - 4) - 9) / 4
    check(&g, &paris(), "ééééééa", Some(-0.25), &["a"], "7 characters");
    check(&g, &paris(), "ééééééabc", Some(-0.75), &["abc"], "9 characters");
    check(&g, &paris(), "ééééééabcd", Some(-1.0), &["abcd"], "10 characters");
    check(&g, &paris(), "ééééééabcde", Some(-1.0), &["abcde"], "the limit is 10");
    let words = Grader::SoftOverlong { max: 4, cache: 2, unit: LengthUnit::Words };
    check(&words, &paris(), "  one\ntwo ", Some(0.0), &[], "2 words");
    check(&words, &paris(), "one two  three ", Some(-0.5), &["three"], "3 words");
    check(&words, &paris(), "a b c d e", Some(-1.0), &["c d e"], "5 words, the limit is 4");
    // Everything is on the slope when the cache is the whole.
    let all = Grader::SoftOverlong { max: 4, cache: 4, unit: LengthUnit::Words };
    check(&all, &paris(), "a", Some(-0.25), &["a"], "1 words");
}

#[test]
fn repetition() {
    let g = Grader::Repetition { n: 2 };
    check(&g, &paris(), "", Some(0.0), &[], "fewer than 2");
    check(&g, &paris(), "one two three", Some(0.0), &[], "none of 2");
    // "a b", "b a", "a b": two different of three.
    check(&g, &paris(), "Ab bc. AB, bc!", Some(-1.0 / 3.0), &["AB, bc"], "1 of 3 groups");
    // Five pairs of one kind: 1 - 1/5.
    check(&g, &paris(), "no no no no no no", Some(-0.8), &["no no"; 4], "4 of 5");
    check(&Grader::Repetition { n: 1 }, &paris(), "a b a", Some(-1.0 / 3.0), &["a"], "1 of 3");
    // At most sixteen pieces of evidence.
    assert_eq!(grade(&g, &paris(), &"no ".repeat(100)).spans.len(), 16);
}

#[test]
fn script() {
    let latin = Grader::Script { allowed: vec![Script::Latin] };
    check(&latin, &paris(), "Łódź, Åse & ﬁne 5×3.", Some(1.0), &[], "all");
    check(&latin, &paris(), "ab Ωψ", Some(0.5), &["Ωψ"], "2 of 4");
    check(&latin, &paris(), "pаypаl", Some(4.0 / 6.0), &["а", "а"], "2 of 6");
    check(&latin, &paris(), "12 + 3!", None, &[], "no letters");
    for (script, text) in [
        (Script::Greek, "Αθήνα ἀρχή"),
        (Script::Cyrillic, "Москва Ґ"),
        (Script::Armenian, "Երևան"),
        (Script::Hebrew, "ירושלים"),
        (Script::Arabic, "القاهرة"),
        (Script::Devanagari, "दिल्ली"),
        (Script::Bengali, "ঢাকা"),
        (Script::Tamil, "சென்னை"),
        (Script::Thai, "กรุงเทพ"),
        (Script::Georgian, "თბილისი"),
        (Script::Hangul, "서울"),
        (Script::Kana, "ひらカタｶ"),
        (Script::Han, "東京𠀀"),
    ] {
        check(&Grader::Script { allowed: vec![script] }, &paris(), text, Some(1.0), &[], "all");
        assert_eq!(grade(&latin, &paris(), text).score, Some(0.0), "{text}");
    }
    let mixed = Grader::Script { allowed: vec![Script::Han, Script::Kana] };
    check(&mixed, &paris(), "東京です", Some(1.0), &[], "all");
}

#[test]
fn forbidden() {
    let phrase = |phrase: &str| ForbiddenPhrase { phrase: phrase.into(), reason: "no sales talk".into() };
    let g = Grader::Forbidden { phrases: vec![phrase("buy now"), phrase("secret"), phrase("10")] };
    check(&g, &paris(), "Paris.", Some(0.0), &[], "nothing that is forbidden");
    check(&g, &paris(), "So BUY, now!", Some(-1.0), &["BUY, now"], "says “buy now”: no sales talk");
    for (text, marked) in [
        ("My ѕесrеt.", "ѕесrеt"),
        ("My s3cr3t.", "s3cr3t"),
        ("My S\u{301}ecre\u{200b}t.", "S\u{301}ecre\u{200b}t"),
        ("My s e c r e t.", "s e c r e t"),
        ("My S-E-C-R-E-T.", "S-E-C-R-E-T"),
        ("ＳＥＣＲＥＴ", "ＳＥＣＲＥＴ"),
        ("It is 10.", "10"),
    ] {
        check(&g, &paris(), text, Some(-1.0), &[marked], "no sales talk");
    }
    // Whole words only, in order and next to each other; a number is not letters.
    for text in ["secretary", "buy it now", "now buy", "io lo", "100"] {
        check(&g, &paris(), text, Some(0.0), &[], "nothing");
    }
    check(&g, &paris(), "secret, secret", Some(-1.0), &["secret", "secret"], "secret");
}

#[test]
fn pii() {
    let g = Grader::Pii { kinds: PiiKind::ALL.to_vec() };
    for (text, marked, reason) in [
        ("Write to anna.b+x@mail.example.org.", "anna.b+x@mail.example.org", "e-mail"),
        ("jürgen@büro.de", "jürgen@büro.de", "e-mail"),
        ("Call +44 20 7946 0958 now", "+44 20 7946 0958", "telephone"),
        ("Call (555) 123-4567.", "(555) 123-4567", "telephone"),
        ("555-123-4567", "555-123-4567", "telephone"),
        ("at 555-1234", "555-1234", "telephone"),
        ("030 1234567", "030 1234567", "telephone"),
        // 4111 1111 1111 1111: doubled 8, 2 x 7 = 22, the others 8: 30.
        ("4111 1111 1111 1111", "4111 1111 1111 1111", "card"),
        ("4111111111111111", "4111111111111111", "card"),
        // The example of the standard.
        ("IBAN GB82 WEST 1234 5698 7654 32 please", "GB82 WEST 1234 5698 7654 32", "bank account"),
        ("DE89370400440532013000", "DE89370400440532013000", "bank account"),
        ("She lives at 221b Baker Street.", "221b Baker Street", "street"),
        ("12 rue de Rivoli", "12 rue de Rivoli", "street"),
        ("Via Roma 7, Milan", "Via Roma 7", "street"),
        ("Hauptstraße 5", "Hauptstraße 5", "street"),
    ] {
        check(&g, &paris(), text, Some(-1.0), &[marked], reason);
    }
    for text in [
        "",
        "Paris has 2,102,650 people in 105.4 km².",
        "2 + 3 = 5, and 1 000 000 000 is a billion.",
        "It was 2024-01-15 10:30.",
        "1990-1995 or 12.05.2024",
        "192.168.100.200",
        "978-3-16-148410-0",
        "4111 1111 1111 1112",
        "@ a@ @b.de a@b a@b.c x@.de",
        "5 days on the road. 3 Apples fell. A Street 5",
        "A4 x86 H2O B12",
        "3.14159265358979",
    ] {
        check(&g, &paris(), text, Some(0.0), &[], "no personal data");
    }
    // Wrong check digits are no account number, though their digits may be taken for a telephone number.
    let iban = Grader::Pii { kinds: vec![PiiKind::Iban] };
    check(&iban, &paris(), "GB83 WEST 1234 5698 7654 32", Some(0.0), &[], "no personal data");
    let email = Grader::Pii { kinds: vec![PiiKind::Email] };
    check(&email, &paris(), "4111 1111 1111 1111", Some(0.0), &[], "no personal data");
    check(&email, &paris(), "a@b.de c@d.fr", Some(-1.0), &["a@b.de", "c@d.fr"], "2 in all");
}

#[test]
fn grounding() {
    let g = Grader::Grounding {};
    let kite = item("Text: Anna has a red kite. Ben is in Oslo. Question: Where is Ben?", Expected::Answer, &["Oslo"]);
    check(&g, &kite, "In Oslo.", Some(1.0), &["In Oslo."], "Ben is in Oslo.");
    check(&g, &kite, "Ben is in Oslo.", Some(1.0), &["Ben is in Oslo."], "every word");
    check(&g, &kite, "Ben is in Rome.", Some(0.0), &["Rome"], "1 of 1 words are not in the passage, first “rome”");
    // Added: red, kite, Rome.
    check(&g, &kite, "The red kite of Rome", Some(2.0 / 3.0), &["Rome"], "Anna has a red kite.");
    // Repeating the question proves nothing; neither does an empty answer.
    check(&g, &kite, "Where is Ben?", Some(0.0), &["Where is Ben?"], "adds nothing");
    check(&g, &kite, "", Some(0.0), &[], "adds nothing");
    check(&g, &kite, ABSTAIN, None, &[], "claims nothing");
    check(&g, &kite, REFUSE, None, &[], "claims nothing");
    check(&g, &paris(), "Paris.", None, &[], "no passage");
    // Earlier turns are the passage too.
    let messages = vec![Message::user("My dog is Rex."), Message::assistant("Nice."), Message::user("Name my dog.")];
    let turns = Item { messages, ..Item::free("") };
    check(&g, &turns, "Rex.", Some(1.0), &["Rex."], "My dog is Rex.");
}

#[test]
fn reasoning() {
    let g = Grader::Reasoning {};
    check(&g, &paris(), "2 + 3 = 5", Some(1.0), &["2 + 3 = 5"], "all 1 steps");
    check(&g, &paris(), "2 + 3 = 5. The answer is 5.", Some(1.0), &["2 + 3 = 5"], "all 1");
    check(&g, &paris(), "3*4=12, then 12 − 20 = -8.", Some(1.0), &["3*4=12", "12 − 20 = -8"], "gives -8");
    // Products first: 2 + 12; a chain is one step per equals sign.
    check(
        &g,
        &paris(),
        "2 + 3 × 4 = 2 + 12 = 14",
        Some(1.0),
        &["2 + 3 × 4 = 2 + 12", "2 + 3 × 4 = 2 + 12 = 14"],
        "all 2",
    );
    check(&g, &paris(), "10 / 3 = 3.33", Some(1.0), &["10 / 3 = 3.33"], "3.33");
    check(&g, &paris(), "Step 1: 0.1 + 0.2 = 0.3", Some(1.0), &["0.1 + 0.2 = 0.3"], "all 1");
    check(&g, &paris(), "1,000 + 1 = 1,001", Some(1.0), &["1,000 + 1 = 1,001"], "1001");
    for (text, marked, reason) in [
        ("2 + 3 = 6", "2 + 3 = 6", "the left side is 5"),
        ("1 + 1 = 2, 2 + 3 = 6, 6 + 1 = 7", "2 + 3 = 6", "wrong"),
        ("7 / 2 = 3", "7 / 2 = 3", "the left side is 3.5"),
        ("10 / 3 = 3.34", "10 / 3 = 3.34", "wrong"),
        ("1 / 0 = 5", "1 / 0 = 5", "the left side is inf"),
        ("2 + 3 = 5, so it is 6.", "6", "concludes with 6, but the last step gives 5"),
        ("The answer is 5.", "The answer is 5.", "no step"),
        ("x = 5", "x = 5", "no step"),
        ("5 = 5", "5 = 5", "no step"),
    ] {
        check(&g, &paris(), text, Some(0.0), &[marked], reason);
    }
    check(&g, &paris(), "", Some(0.0), &[], "no step");
}

#[test]
fn threshold() {
    // -t / (1 - t): 0 -> 0, 0.5 -> -1, 0.75 -> -3, 0.9 -> -9.
    for (t, wrong) in [(0.0, 0.0), (0.5, -1.0), (0.75, -3.0), (0.9, -9.0)] {
        let g = Grader::Threshold { t };
        check(&g, &paris(), "Paris.", Some(1.0), &["Paris"], "pays off above confidence");
        check(&g, &paris(), ABSTAIN, Some(0.0), &[ABSTAIN], "does not know");
        check(&g, &paris(), "Rome.", Some(wrong), &["Rome."], "expected “Paris”");
        // Answering at confidence t is worth as much as abstaining: t - (1 - t) t / (1 - t) = 0.
        assert!((t + (1.0 - t) * grade(&g, &paris(), "Rome.").score.unwrap()).abs() < 1e-12);
    }
    check(&Grader::Threshold { t: 0.5 }, &Item::free("?"), "Paris.", None, &[], "nothing is known");
    // A configuration that validation refuses.
    check(&Grader::Threshold { t: 1.0 }, &paris(), "Rome.", Some(-1.0), &["Rome."], "expected");
}

#[test]
fn confidence() {
    let g = Grader::Confidence { right: 1.0 };
    // Right: 1 - (c - 1)^2.
    check(
        &g,
        &paris(),
        "Paris (confidence 7/10)",
        Some(0.91),
        &["(confidence 7/10)"],
        "right, and states confidence 0.7",
    );
    check(&g, &paris(), "Confidence: 50%. It is Paris.", Some(0.75), &["Confidence: 50%"], "right");
    check(&g, &paris(), "I'm 90% sure it is Paris.", Some(0.99), &["I'm 90% sure"], "right");
    check(&g, &paris(), "Paris. <confidence>0.2</confidence>", Some(0.36), &["<confidence>0.2</confidence>"], "right");
    check(&g, &paris(), "Paris.", Some(1.0), &["Paris."], "states no confidence, which counts as 1");
    // The number alone: -(c - 1)^2.
    let number = Grader::Confidence { right: 0.0 };
    check(&number, &paris(), "Paris (confidence 7/10)", Some(-0.09), &["(confidence 7/10)"], "right");
    check(&number, &paris(), "I don't know.", Some(0.0), &["I don't know."], "says that it does not know");
    // Wrong: -c^2.
    check(&g, &paris(), "Rome [confidence = 0.5]", Some(-0.25), &["[confidence = 0.5]"], "wrong");
    check(&g, &paris(), "Rome, my confidence is 0%", Some(0.0), &["my confidence is 0%"], "wrong");
    check(&g, &paris(), "Rome.", Some(-1.0), &["Rome."], "wrong");
    check(
        &g,
        &paris(),
        "Rome. Confidence 1/10, confidence 9/10",
        Some(-1.0),
        &["Rome. Confidence 1/10, confidence 9/10"],
        "more than one",
    );
    // Neither -0.5 nor 70 nor 11/10 is a confidence; then the statement makes the answer wrong.
    for text in ["Paris (confidence -0.5)", "Paris (confidence 70)", "Paris (confidence 11/10)"] {
        check(&g, &paris(), text, Some(-1.0), &[text], "states no confidence");
    }
    check(&g, &paris(), ABSTAIN, Some(0.0), &[ABSTAIN], "counts as 0");
    check(&g, &paris(), "I don't know. (confidence 60%)", Some(-0.36), &["(confidence 60%)"], "does not know");
    check(&g, &paris(), REFUSE, Some(-1.0), &[REFUSE], "nothing forbids");
    check(&g, &item("?", Expected::Abstain, &[]), ABSTAIN, Some(0.0), &[ABSTAIN], "does not know");
    check(&g, &item("?", Expected::Refuse, &[]), REFUSE, Some(1.0), &[REFUSE], "right");
    check(&g, &Item::free("?"), "Paris.", None, &[], "nothing is known");
}
