//! HTML as text, escaped by construction. The lab draws itself with it instead of with one compiled view per part: 64 receipts
//! change at every keystroke, and a view's code for each of its parts would not fit the page's budget of bytes.
//! docs/decisions/0005-the-lab-draws-text.md has the figures.

/// Markup in the making. Literal text comes from the program, everything else is escaped.
#[derive(Default)]
pub(crate) struct Markup(String);

impl Markup {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Literal markup.
    pub(crate) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Literal markup with a value in place of each `{}`, escaped for text and quoted attributes alike.
    pub(crate) fn put(&mut self, template: &'static str, values: &[&str]) {
        let mut rest = template;
        for value in values {
            let Some((before, after)) = rest.split_once("{}") else { break };
            self.0.push_str(before);
            self.text(value);
            rest = after;
        }
        self.0.push_str(rest);
    }

    /// What another of these has made.
    #[cfg_attr(not(feature = "ssr"), expect(dead_code, reason = "whole pages are drawn by the server"))]
    pub(crate) fn drawn(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// Text.
    pub(crate) fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
    }

    /// The markup.
    pub(crate) fn done(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Markup;

    #[test]
    fn values_are_escaped_and_cannot_smuggle_placeholders() {
        let mut m = Markup::new();
        m.put("<b title=\"{}\">{}</b>", &["\"><script>", "a {} & 'b'"]);
        assert_eq!(m.done(), "<b title=\"&quot;&gt;&lt;script&gt;\">a {} &amp; &#39;b&#39;</b>");
    }

    #[test]
    fn too_few_values_leave_the_template_as_it_is() {
        let mut m = Markup::new();
        m.put("{} {}", &["a"]);
        assert_eq!(m.done(), "a {}");
    }
}
