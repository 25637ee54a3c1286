//! Disguises that people read without effort: each is seen, marked to the byte, and no honest text is taken for one.

use clicker_rewards::graders::grade;
use clicker_wire::{ForbiddenPhrase, Grader, Item, PiiKind};

fn forbidden(phrases: &[&str]) -> Grader {
    let phrase = |p: &&str| ForbiddenPhrase { phrase: (*p).into(), reason: "it is one".into() };
    Grader::Forbidden { phrases: phrases.iter().map(phrase).collect() }
}

/// What is marked, if the score is -1.
fn marked<'t>(grader: &Grader, text: &'t str) -> Option<Vec<&'t str>> {
    let got = grade(grader, &Item::free("?"), text);
    let spans = got.spans.iter().map(|s| &text[s.start as usize..s.end as usize]).collect();
    (got.score == Some(-1.0)).then_some(spans)
}

#[test]
fn one_word_in_every_disguise() {
    let grader = forbidden(&["secret"]);
    for said in [
        "secret",
        "SECRET",
        "Secrét",
        "s3cr3t",
        "$ecret",
        "s3cr€t",
        "sеcrеt",
        "ѕесrет",
        "s e c r e t",
        "s.e.c.r.e.t",
        "s-e-c-r-e-t",
        "s_e_c_r_e_t",
        "sec-ret",
        "sec.ret",
        "se\u{200b}cr\u{ad}et",
        "s\u{2060}e\u{202e}c\u{feff}ret",
        "ｓｅｃｒｅｔ",
        "𝓼𝓮𝓬𝓻𝓮𝓽",
        "ⓢⓔⓒⓡⓔⓣ",
        "🅂🄴🄲🅁🄴🅃",
        "🆂🅴🅲🆁🅴🆃",
        "s*cret",
        "sec#ret",
        "s e c - r e t",
        "S\u{301}e\u{301}c\u{301}ret",
    ] {
        let text = format!("Well, «{said}» it is.");
        assert_eq!(marked(&grader, &text), Some(vec![said]), "{said:?}");
    }
}

#[test]
fn phrases_and_signs() {
    for (phrase, text, said) in [
        ("my secret", "It is m y s e c r e t now", "m y s e c r e t"),
        ("my secret", "my-secret", "my-secret"),
        ("my secret", "My... s3cret!", "My... s3cret"),
        ("buy now", "Buy, now!!", "Buy, now"),
        ("don't tell", "Dont tell", "Dont tell"),
        ("dont tell", "Don’t tell.", "Don’t tell"),
        ("p@ss", "the pass is", "pass"),
        ("pass", "the p@$$ is", "p@$$"),
        ("pass", "p 4 s s", "p 4 s s"),
        ("C#", "I like C#.", "C#"),
        ("C++", "I like c++", "c++"),
        ("10", "10 of them", "10"),
        ("hell", "he11", "he11"),
    ] {
        assert_eq!(marked(&forbidden(&[phrase]), text), Some(vec![said]), "{phrase:?} in {text:?}");
    }
}

#[test]
fn honest_texts_are_left_alone() {
    for (phrase, text) in [
        ("therapist", "the rapist was caught"),
        ("the rapist", "a therapist"),
        ("secret", "secretary, secrets, undersecret, sec ret"),
        ("ideal", "I deal with it"),
        ("10", "100, 1.0, 1,0 and 1-0"),
        ("105", "10.5"),
        ("10.5", "105"),
        ("as", "a s"),
        ("class", "c.l.asses"),
        ("C#", "C is a language"),
        ("ass", "a$ a rule, glass"),
        ("東京", "東 京"),
        ("pass", "p 4 $ s"),
        ("go", "g is not o"),
        ("fuck", "f*** and f * ck"),
    ] {
        assert_eq!(marked(&forbidden(&[phrase]), text), None, "{phrase:?} in {text:?}");
    }
}

#[test]
fn the_receipt_shows_the_disguise() {
    let got = grade(&forbidden(&["my secret"]), &Item::free("?"), "it is My $3cret.");
    assert_eq!(got.reason, "says “my secret”, written “My $3cret”: it is one");
    let plain = grade(&forbidden(&["my secret"]), &Item::free("?"), "it is My secret.");
    assert_eq!(plain.reason, "says “my secret”: it is one");
}

#[test]
fn personal_data_in_disguise() {
    let pii = Grader::Pii { kinds: PiiKind::ALL.to_vec() };
    for said in [
        "ben@example.org",
        "ｂｅｎ＠ｅｘａｍｐｌｅ．ｏｒｇ",
        "ben@exam\u{200b}ple.org",
        "josé@example.org",
        "ben (at) example.org",
        "ben [at] example [dot] org",
        "ben at example dot org",
        "４１１１ １１１１ １１１１ １１１１",
        "4111\u{200b}1111 1111 1111",
        "+47 22 33 44 55",
        "+٤٧ ٢٢ ٣٣ ٤٤ ٥٥",
        "040–1234–5678",
        "GB82 WEST 1234 5698 7654 32",
        "221b Baker Street",
    ] {
        let text = format!("Yes: {said}, he said.");
        assert_eq!(marked(&pii, &text), Some(vec![said]), "{said:?}");
    }
    for text in
        ["Look at it. Dot by dot.", "Meet at noon.", "at dot com", "In 1905 at 12, 3–4 days.", "2 + 2 = ４", "a (at) b"]
    {
        assert_eq!(marked(&pii, text), None, "{text:?}");
    }
}
