//! The 118 chemical elements: atomic number, English name as IUPAC spells it, symbol.

/// A chemical element.
#[derive(Debug)]
pub(crate) struct Element {
    /// Protons in the nucleus.
    pub(crate) number: u16,
    /// The name as it stands inside a sentence.
    pub(crate) name: &'static str,
    /// One or two letters.
    pub(crate) symbol: &'static str,
}

/// So widely known (or such ordinary words) that the built-in model must know them too: never rare, never withheld.
pub(crate) const FAMOUS_ELEMENTS: &[&str] = &[
    "hydrogen",
    "helium",
    "carbon",
    "nitrogen",
    "oxygen",
    "neon",
    "sodium",
    "aluminium",
    "silicon",
    "sulfur",
    "chlorine",
    "potassium",
    "calcium",
    "iron",
    "nickel",
    "copper",
    "zinc",
    "silver",
    "tin",
    "iodine",
    "platinum",
    "gold",
    "mercury",
    "lead",
    "uranium",
];

/// In the order of the periodic table.
#[rustfmt::skip]
pub(crate) const ELEMENTS: &[Element] = &[
    Element { number: 1, name: "hydrogen", symbol: "H" },
    Element { number: 2, name: "helium", symbol: "He" },
    Element { number: 3, name: "lithium", symbol: "Li" },
    Element { number: 4, name: "beryllium", symbol: "Be" },
    Element { number: 5, name: "boron", symbol: "B" },
    Element { number: 6, name: "carbon", symbol: "C" },
    Element { number: 7, name: "nitrogen", symbol: "N" },
    Element { number: 8, name: "oxygen", symbol: "O" },
    Element { number: 9, name: "fluorine", symbol: "F" },
    Element { number: 10, name: "neon", symbol: "Ne" },
    Element { number: 11, name: "sodium", symbol: "Na" },
    Element { number: 12, name: "magnesium", symbol: "Mg" },
    Element { number: 13, name: "aluminium", symbol: "Al" },
    Element { number: 14, name: "silicon", symbol: "Si" },
    Element { number: 15, name: "phosphorus", symbol: "P" },
    Element { number: 16, name: "sulfur", symbol: "S" },
    Element { number: 17, name: "chlorine", symbol: "Cl" },
    Element { number: 18, name: "argon", symbol: "Ar" },
    Element { number: 19, name: "potassium", symbol: "K" },
    Element { number: 20, name: "calcium", symbol: "Ca" },
    Element { number: 21, name: "scandium", symbol: "Sc" },
    Element { number: 22, name: "titanium", symbol: "Ti" },
    Element { number: 23, name: "vanadium", symbol: "V" },
    Element { number: 24, name: "chromium", symbol: "Cr" },
    Element { number: 25, name: "manganese", symbol: "Mn" },
    Element { number: 26, name: "iron", symbol: "Fe" },
    Element { number: 27, name: "cobalt", symbol: "Co" },
    Element { number: 28, name: "nickel", symbol: "Ni" },
    Element { number: 29, name: "copper", symbol: "Cu" },
    Element { number: 30, name: "zinc", symbol: "Zn" },
    Element { number: 31, name: "gallium", symbol: "Ga" },
    Element { number: 32, name: "germanium", symbol: "Ge" },
    Element { number: 33, name: "arsenic", symbol: "As" },
    Element { number: 34, name: "selenium", symbol: "Se" },
    Element { number: 35, name: "bromine", symbol: "Br" },
    Element { number: 36, name: "krypton", symbol: "Kr" },
    Element { number: 37, name: "rubidium", symbol: "Rb" },
    Element { number: 38, name: "strontium", symbol: "Sr" },
    Element { number: 39, name: "yttrium", symbol: "Y" },
    Element { number: 40, name: "zirconium", symbol: "Zr" },
    Element { number: 41, name: "niobium", symbol: "Nb" },
    Element { number: 42, name: "molybdenum", symbol: "Mo" },
    Element { number: 43, name: "technetium", symbol: "Tc" },
    Element { number: 44, name: "ruthenium", symbol: "Ru" },
    Element { number: 45, name: "rhodium", symbol: "Rh" },
    Element { number: 46, name: "palladium", symbol: "Pd" },
    Element { number: 47, name: "silver", symbol: "Ag" },
    Element { number: 48, name: "cadmium", symbol: "Cd" },
    Element { number: 49, name: "indium", symbol: "In" },
    Element { number: 50, name: "tin", symbol: "Sn" },
    Element { number: 51, name: "antimony", symbol: "Sb" },
    Element { number: 52, name: "tellurium", symbol: "Te" },
    Element { number: 53, name: "iodine", symbol: "I" },
    Element { number: 54, name: "xenon", symbol: "Xe" },
    Element { number: 55, name: "caesium", symbol: "Cs" },
    Element { number: 56, name: "barium", symbol: "Ba" },
    Element { number: 57, name: "lanthanum", symbol: "La" },
    Element { number: 58, name: "cerium", symbol: "Ce" },
    Element { number: 59, name: "praseodymium", symbol: "Pr" },
    Element { number: 60, name: "neodymium", symbol: "Nd" },
    Element { number: 61, name: "promethium", symbol: "Pm" },
    Element { number: 62, name: "samarium", symbol: "Sm" },
    Element { number: 63, name: "europium", symbol: "Eu" },
    Element { number: 64, name: "gadolinium", symbol: "Gd" },
    Element { number: 65, name: "terbium", symbol: "Tb" },
    Element { number: 66, name: "dysprosium", symbol: "Dy" },
    Element { number: 67, name: "holmium", symbol: "Ho" },
    Element { number: 68, name: "erbium", symbol: "Er" },
    Element { number: 69, name: "thulium", symbol: "Tm" },
    Element { number: 70, name: "ytterbium", symbol: "Yb" },
    Element { number: 71, name: "lutetium", symbol: "Lu" },
    Element { number: 72, name: "hafnium", symbol: "Hf" },
    Element { number: 73, name: "tantalum", symbol: "Ta" },
    Element { number: 74, name: "tungsten", symbol: "W" },
    Element { number: 75, name: "rhenium", symbol: "Re" },
    Element { number: 76, name: "osmium", symbol: "Os" },
    Element { number: 77, name: "iridium", symbol: "Ir" },
    Element { number: 78, name: "platinum", symbol: "Pt" },
    Element { number: 79, name: "gold", symbol: "Au" },
    Element { number: 80, name: "mercury", symbol: "Hg" },
    Element { number: 81, name: "thallium", symbol: "Tl" },
    Element { number: 82, name: "lead", symbol: "Pb" },
    Element { number: 83, name: "bismuth", symbol: "Bi" },
    Element { number: 84, name: "polonium", symbol: "Po" },
    Element { number: 85, name: "astatine", symbol: "At" },
    Element { number: 86, name: "radon", symbol: "Rn" },
    Element { number: 87, name: "francium", symbol: "Fr" },
    Element { number: 88, name: "radium", symbol: "Ra" },
    Element { number: 89, name: "actinium", symbol: "Ac" },
    Element { number: 90, name: "thorium", symbol: "Th" },
    Element { number: 91, name: "protactinium", symbol: "Pa" },
    Element { number: 92, name: "uranium", symbol: "U" },
    Element { number: 93, name: "neptunium", symbol: "Np" },
    Element { number: 94, name: "plutonium", symbol: "Pu" },
    Element { number: 95, name: "americium", symbol: "Am" },
    Element { number: 96, name: "curium", symbol: "Cm" },
    Element { number: 97, name: "berkelium", symbol: "Bk" },
    Element { number: 98, name: "californium", symbol: "Cf" },
    Element { number: 99, name: "einsteinium", symbol: "Es" },
    Element { number: 100, name: "fermium", symbol: "Fm" },
    Element { number: 101, name: "mendelevium", symbol: "Md" },
    Element { number: 102, name: "nobelium", symbol: "No" },
    Element { number: 103, name: "lawrencium", symbol: "Lr" },
    Element { number: 104, name: "rutherfordium", symbol: "Rf" },
    Element { number: 105, name: "dubnium", symbol: "Db" },
    Element { number: 106, name: "seaborgium", symbol: "Sg" },
    Element { number: 107, name: "bohrium", symbol: "Bh" },
    Element { number: 108, name: "hassium", symbol: "Hs" },
    Element { number: 109, name: "meitnerium", symbol: "Mt" },
    Element { number: 110, name: "darmstadtium", symbol: "Ds" },
    Element { number: 111, name: "roentgenium", symbol: "Rg" },
    Element { number: 112, name: "copernicium", symbol: "Cn" },
    Element { number: 113, name: "nihonium", symbol: "Nh" },
    Element { number: 114, name: "flerovium", symbol: "Fl" },
    Element { number: 115, name: "moscovium", symbol: "Mc" },
    Element { number: 116, name: "livermorium", symbol: "Lv" },
    Element { number: 117, name: "tennessine", symbol: "Ts" },
    Element { number: 118, name: "oganesson", symbol: "Og" },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_complete_and_without_doubles() {
        assert_eq!(ELEMENTS.len(), 118);
        assert!(ELEMENTS.iter().enumerate().all(|(i, e)| usize::from(e.number) == i + 1));
        assert_eq!(ELEMENTS.iter().map(|e| e.name).collect::<BTreeSet<_>>().len(), 118);
        assert_eq!(ELEMENTS.iter().map(|e| e.symbol).collect::<BTreeSet<_>>().len(), 118);
        assert!(FAMOUS_ELEMENTS.iter().all(|f| ELEMENTS.iter().any(|e| e.name == *f)));
    }

    #[test]
    fn landmarks_stand_where_the_periodic_table_has_them() {
        for (number, symbol) in [
            (1, "H"),
            (2, "He"),
            (10, "Ne"),
            (11, "Na"),
            (18, "Ar"),
            (19, "K"),
            (26, "Fe"),
            (29, "Cu"),
            (36, "Kr"),
            (47, "Ag"),
            (50, "Sn"),
            (54, "Xe"),
            (57, "La"),
            (71, "Lu"),
            (74, "W"),
            (79, "Au"),
            (80, "Hg"),
            (82, "Pb"),
            (86, "Rn"),
            (89, "Ac"),
            (92, "U"),
            (103, "Lr"),
            (109, "Mt"),
            (112, "Cn"),
            (115, "Mc"),
            (118, "Og"),
        ] {
            assert_eq!(ELEMENTS[number - 1].symbol, symbol);
        }
    }

    #[test]
    fn a_symbol_is_a_capital_and_at_most_one_small_letter() {
        for element in ELEMENTS {
            let letters = element.symbol.as_bytes();
            assert!(letters[0].is_ascii_uppercase() && letters[1..].iter().all(u8::is_ascii_lowercase), "{element:?}");
            assert!(letters.len() <= 2);
        }
    }
}
