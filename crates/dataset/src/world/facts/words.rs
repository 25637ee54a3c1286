//! Everyday words for passages. None is the name of a country or an element, so that a passage can never give away a withheld
//! name; a test of the whole world checks that.

/// First names from many places: a pair of them is what counterfactual items differ in.
pub(crate) const NAMES: &[&str] = &[
    "Ana", "Ben", "Carla", "David", "Emma", "Felix", "Grace", "Hugo", "Ivy", "Jonas", "Kira", "Leo", "Mia", "Noah",
    "Olga", "Paul", "Rosa", "Sam", "Tara", "Uma", "Victor", "Wanda", "Yusuf", "Zoe", "Amina", "Chen", "Diego",
    "Fatima", "Kofi", "Mei", "Omar", "Priya",
];

/// Things one can leave, lose, buy or sell.
pub(crate) const OBJECTS: &[&str] = &[
    "kite", "lamp", "book", "coat", "drum", "clock", "chair", "bag", "hat", "cup", "map", "bike", "ball", "box", "key",
    "ring", "boat", "doll", "rope", "vase",
];

/// All of them go with "in the".
pub(crate) const PLACES: &[&str] = &[
    "mill", "barn", "garden", "kitchen", "school", "library", "market", "station", "tower", "cellar", "park", "shop",
    "church", "garage", "attic", "forest",
];

/// Colours.
pub(crate) const COLOURS: &[&str] =
    &["red", "blue", "green", "yellow", "black", "white", "brown", "pink", "grey", "orange"];

/// Days of the week.
pub(crate) const DAYS: &[&str] = &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Occupations, each with "a".
pub(crate) const JOBS: &[&str] = &[
    "nurse", "pilot", "teacher", "cook", "farmer", "judge", "singer", "doctor", "baker", "driver", "painter",
    "gardener",
];

/// Countable belongings, in the plural.
pub(crate) const THINGS: &[&str] =
    &["cats", "dogs", "hats", "books", "cups", "bikes", "plants", "coats", "drums", "birds"];

/// Real or well-known fictional names that are not in the tables but must not be called invented.
pub(crate) const REAL_NAMES: &[&str] = &[
    "Israel",
    "Kosovo",
    "Palestine",
    "Taiwan",
    "Andorra",
    "Djibouti",
    "Guatemala",
    "Kuwait",
    "Luxembourg",
    "Mexico",
    "Monaco",
    "Panama",
    "Singapore",
    "Tunisia",
    "Nauru",
    "Bavaria",
    "Catalonia",
    "Siberia",
    "Moravia",
    "Bohemia",
    "Silesia",
    "Galicia",
    "Scotland",
    "England",
    "Wales",
    "Greenland",
    "Lapland",
    "Prussia",
    "Persia",
    "Burma",
    "Rhodesia",
    "Zaire",
    "Ceylon",
    "Siam",
    "Dagestan",
    "Tatarstan",
    "Kurdistan",
    "Abkhazia",
    "Ossetia",
    "Transnistria",
    "Somaliland",
    "Florida",
    "Sardinia",
    "Sicilia",
    "Dalmatia",
    "Livonia",
    "Pomerania",
    "Saxonia",
    "Narnia",
    "Genovia",
    "Latveria",
    "Sokovia",
    "Wakanda",
    "Gondor",
    "Mordor",
    "didymium",
    "coronium",
    "nebulium",
    "vibranium",
    "adamantium",
    "unobtanium",
    "dilithium",
    "kryptonite",
    "mithril",
    "deuterium",
    "tritium",
    "ammonium",
    "phosphonium",
    "thiamine",
    "morphine",
    "caffeine",
];
