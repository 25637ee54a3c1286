//! Capitals of the world's countries, as of 2026, in ASCII where the usual English spelling has an ASCII form.
//!
//! Left out on purpose: countries whose name gives the answer away (Andorra, Djibouti, El Salvador, Guatemala, Guinea-Bissau,
//! Kuwait, Luxembourg, Mexico, Monaco, Panama, San Marino, Sao Tome and Principe, Singapore, Tunisia, Vatican City), the one
//! without an official capital (Nauru), and those whose capital is in international dispute (Israel, Kosovo, Palestine, Taiwan).

/// A country and what its capital is called.
#[derive(Debug)]
pub(crate) struct Country {
    /// The name as it stands inside a sentence, with its article.
    pub(crate) name: &'static str,
    /// Accepted names of the capital, the usual English one first.
    pub(crate) capitals: &'static [&'static str],
    /// So widely known that the built-in model must know it too: never rare, never withheld.
    pub(crate) famous: bool,
}

const fn c(name: &'static str, capitals: &'static [&'static str]) -> Country {
    Country { name, capitals, famous: false }
}

const fn famous(name: &'static str, capitals: &'static [&'static str]) -> Country {
    Country { name, capitals, famous: true }
}

/// One row per country, by continent and alphabet.
pub(crate) const CAPITALS: &[Country] = &[
    // Africa
    c("Algeria", &["Algiers"]),
    c("Angola", &["Luanda"]),
    c("Benin", &["Porto-Novo"]),
    c("Botswana", &["Gaborone"]),
    c("Burkina Faso", &["Ouagadougou"]),
    c("Burundi", &["Gitega"]),
    c("Cape Verde", &["Praia"]),
    c("Cameroon", &["Yaounde", "Yaoundé"]),
    c("the Central African Republic", &["Bangui"]),
    c("Chad", &["N'Djamena", "Ndjamena"]),
    c("the Comoros", &["Moroni"]),
    c("the Republic of the Congo", &["Brazzaville"]),
    c("the Democratic Republic of the Congo", &["Kinshasa"]),
    c("Cote d'Ivoire", &["Yamoussoukro"]),
    famous("Egypt", &["Cairo"]),
    c("Equatorial Guinea", &["Malabo", "Ciudad de la Paz"]), // the move to Ciudad de la Paz is under way
    c("Eritrea", &["Asmara"]),
    c("Eswatini", &["Mbabane", "Lobamba"]), // executive and royal seats
    c("Ethiopia", &["Addis Ababa"]),
    c("Gabon", &["Libreville"]),
    c("the Gambia", &["Banjul"]),
    c("Ghana", &["Accra"]),
    c("Guinea", &["Conakry"]),
    famous("Kenya", &["Nairobi"]),
    c("Lesotho", &["Maseru"]),
    c("Liberia", &["Monrovia"]),
    c("Libya", &["Tripoli"]),
    c("Madagascar", &["Antananarivo"]),
    c("Malawi", &["Lilongwe"]),
    c("Mali", &["Bamako"]),
    c("Mauritania", &["Nouakchott"]),
    c("Mauritius", &["Port Louis"]),
    famous("Morocco", &["Rabat"]),
    c("Mozambique", &["Maputo"]),
    c("Namibia", &["Windhoek"]),
    c("Niger", &["Niamey"]),
    c("Nigeria", &["Abuja"]),
    c("Rwanda", &["Kigali"]),
    c("Senegal", &["Dakar"]),
    c("Seychelles", &["Victoria"]),
    c("Sierra Leone", &["Freetown"]),
    c("Somalia", &["Mogadishu"]),
    famous("South Africa", &["Pretoria", "Cape Town", "Bloemfontein"]), // executive, legislative, judicial
    c("South Sudan", &["Juba"]),
    c("Sudan", &["Khartoum"]),
    c("Tanzania", &["Dodoma"]),
    c("Togo", &["Lome", "Lomé"]),
    c("Uganda", &["Kampala"]),
    c("Zambia", &["Lusaka"]),
    c("Zimbabwe", &["Harare"]),
    // Asia
    c("Afghanistan", &["Kabul"]),
    c("Armenia", &["Yerevan"]),
    c("Azerbaijan", &["Baku"]),
    c("Bahrain", &["Manama"]),
    c("Bangladesh", &["Dhaka"]),
    c("Bhutan", &["Thimphu"]),
    c("Brunei", &["Bandar Seri Begawan"]),
    c("Cambodia", &["Phnom Penh"]),
    famous("China", &["Beijing"]),
    c("Cyprus", &["Nicosia"]),
    c("Georgia", &["Tbilisi"]),
    famous("India", &["New Delhi", "Delhi"]),
    c("Indonesia", &["Jakarta", "Nusantara"]), // the move to Nusantara is under way
    c("Iran", &["Tehran"]),
    c("Iraq", &["Baghdad"]),
    famous("Japan", &["Tokyo"]),
    c("Jordan", &["Amman"]),
    c("Kazakhstan", &["Astana"]),
    c("Kyrgyzstan", &["Bishkek"]),
    c("Laos", &["Vientiane"]),
    c("Lebanon", &["Beirut"]),
    c("Malaysia", &["Kuala Lumpur", "Putrajaya"]), // Putrajaya is the seat of the government
    c("the Maldives", &["Male", "Malé"]),
    c("Mongolia", &["Ulaanbaatar", "Ulan Bator"]),
    c("Myanmar", &["Naypyidaw", "Nay Pyi Taw"]),
    c("Nepal", &["Kathmandu"]),
    c("North Korea", &["Pyongyang"]),
    c("Oman", &["Muscat"]),
    c("Pakistan", &["Islamabad"]),
    c("the Philippines", &["Manila"]),
    c("Qatar", &["Doha"]),
    c("Saudi Arabia", &["Riyadh"]),
    c("South Korea", &["Seoul"]),
    c("Sri Lanka", &["Sri Jayawardenepura Kotte", "Colombo", "Kotte"]), // legislative and executive seats
    c("Syria", &["Damascus"]),
    c("Tajikistan", &["Dushanbe"]),
    famous("Thailand", &["Bangkok"]),
    c("East Timor", &["Dili"]),
    famous("Turkey", &["Ankara"]),
    c("Turkmenistan", &["Ashgabat"]),
    c("the United Arab Emirates", &["Abu Dhabi"]),
    c("Uzbekistan", &["Tashkent"]),
    c("Vietnam", &["Hanoi"]),
    c("Yemen", &["Sanaa", "Sana'a"]),
    // Europe
    c("Albania", &["Tirana"]),
    famous("Austria", &["Vienna"]),
    c("Belarus", &["Minsk"]),
    famous("Belgium", &["Brussels"]),
    c("Bosnia and Herzegovina", &["Sarajevo"]),
    c("Bulgaria", &["Sofia"]),
    c("Croatia", &["Zagreb"]),
    c("the Czech Republic", &["Prague"]),
    famous("Denmark", &["Copenhagen"]),
    c("Estonia", &["Tallinn"]),
    famous("Finland", &["Helsinki"]),
    famous("France", &["Paris"]),
    famous("Germany", &["Berlin"]),
    famous("Greece", &["Athens"]),
    famous("Hungary", &["Budapest"]),
    c("Iceland", &["Reykjavik", "Reykjavík"]),
    famous("Ireland", &["Dublin"]),
    famous("Italy", &["Rome"]),
    c("Latvia", &["Riga"]),
    c("Liechtenstein", &["Vaduz"]),
    c("Lithuania", &["Vilnius"]),
    c("Malta", &["Valletta"]),
    c("Moldova", &["Chisinau", "Chișinău"]),
    c("Montenegro", &["Podgorica"]),
    famous("the Netherlands", &["Amsterdam"]),
    c("North Macedonia", &["Skopje"]),
    famous("Norway", &["Oslo"]),
    famous("Poland", &["Warsaw"]),
    famous("Portugal", &["Lisbon"]),
    c("Romania", &["Bucharest"]),
    famous("Russia", &["Moscow"]),
    c("Serbia", &["Belgrade"]),
    c("Slovakia", &["Bratislava"]),
    c("Slovenia", &["Ljubljana"]),
    famous("Spain", &["Madrid"]),
    famous("Sweden", &["Stockholm"]),
    famous("Switzerland", &["Bern", "Berne"]),
    c("Ukraine", &["Kyiv", "Kiev"]),
    famous("the United Kingdom", &["London"]),
    // The Americas
    c("Antigua and Barbuda", &["Saint John's", "St. John's"]),
    famous("Argentina", &["Buenos Aires"]),
    c("the Bahamas", &["Nassau"]),
    c("Barbados", &["Bridgetown"]),
    c("Belize", &["Belmopan"]),
    c("Bolivia", &["Sucre", "La Paz"]), // constitutional capital and seat of the government
    famous("Brazil", &["Brasilia", "Brasília"]),
    famous("Canada", &["Ottawa"]),
    c("Chile", &["Santiago", "Santiago de Chile"]),
    c("Colombia", &["Bogota", "Bogotá"]),
    c("Costa Rica", &["San Jose", "San José"]),
    famous("Cuba", &["Havana"]),
    c("Dominica", &["Roseau"]),
    c("the Dominican Republic", &["Santo Domingo"]),
    c("Ecuador", &["Quito"]),
    c("Grenada", &["Saint George's", "St. George's"]),
    c("Guyana", &["Georgetown"]),
    c("Haiti", &["Port-au-Prince"]),
    c("Honduras", &["Tegucigalpa"]),
    c("Jamaica", &["Kingston"]),
    c("Nicaragua", &["Managua"]),
    c("Paraguay", &["Asuncion", "Asunción"]),
    famous("Peru", &["Lima"]),
    c("Saint Kitts and Nevis", &["Basseterre"]),
    c("Saint Lucia", &["Castries"]),
    c("Saint Vincent and the Grenadines", &["Kingstown"]),
    c("Suriname", &["Paramaribo"]),
    c("Trinidad and Tobago", &["Port of Spain"]),
    famous("the United States", &["Washington", "Washington, D.C.", "Washington DC"]),
    c("Uruguay", &["Montevideo"]),
    c("Venezuela", &["Caracas"]),
    // Oceania
    famous("Australia", &["Canberra"]),
    c("Fiji", &["Suva"]),
    c("Kiribati", &["Tarawa", "South Tarawa"]),
    c("the Marshall Islands", &["Majuro"]),
    c("Micronesia", &["Palikir"]),
    famous("New Zealand", &["Wellington"]),
    c("Palau", &["Ngerulmud"]),
    c("Papua New Guinea", &["Port Moresby"]),
    c("Samoa", &["Apia"]),
    c("the Solomon Islands", &["Honiara"]),
    c("Tonga", &["Nuku'alofa", "Nukualofa"]),
    c("Tuvalu", &["Funafuti"]),
    c("Vanuatu", &["Port Vila"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_complete_and_without_doubles() {
        // 193 members of the United Nations, less the fourteen of them whose name tells, less Nauru and Israel.
        assert_eq!(CAPITALS.len(), 193 - 14 - 2);
        let names: BTreeSet<_> = CAPITALS.iter().map(|c| c.name).collect();
        assert_eq!(names.len(), CAPITALS.len());
        let cities: Vec<_> = CAPITALS.iter().flat_map(|c| c.capitals).collect();
        assert_eq!(cities.iter().collect::<BTreeSet<_>>().len(), cities.len(), "two countries share a capital");
    }

    #[test]
    fn what_the_model_says_is_ascii_and_never_given_away_by_the_question() {
        for country in CAPITALS {
            assert!(country.name.is_ascii() && country.capitals[0].is_ascii(), "{country:?}");
            assert!(!country.name.to_lowercase().contains(&country.capitals[0].to_lowercase()), "{country:?}");
        }
    }

    #[test]
    fn often_confused_capitals_are_right() {
        for (name, capital) in [
            ("Australia", "Canberra"),
            ("Brazil", "Brasilia"),
            ("Canada", "Ottawa"),
            ("Switzerland", "Bern"),
            ("Turkey", "Ankara"),
            ("Kazakhstan", "Astana"),
            ("Myanmar", "Naypyidaw"),
            ("Nigeria", "Abuja"),
            ("Tanzania", "Dodoma"),
            ("Burundi", "Gitega"),
            ("Cote d'Ivoire", "Yamoussoukro"),
            ("Palau", "Ngerulmud"),
            ("Bolivia", "Sucre"),
            ("Bolivia", "La Paz"),
            ("South Africa", "Cape Town"),
            ("Morocco", "Rabat"),
            ("New Zealand", "Wellington"),
            ("Niger", "Niamey"),
            ("the United Arab Emirates", "Abu Dhabi"),
            ("Vietnam", "Hanoi"),
            ("Slovakia", "Bratislava"),
            ("Slovenia", "Ljubljana"),
            ("Dominica", "Roseau"),
            ("the Dominican Republic", "Santo Domingo"),
            ("the Republic of the Congo", "Brazzaville"),
            ("the Democratic Republic of the Congo", "Kinshasa"),
        ] {
            assert!(CAPITALS.iter().any(|c| c.name == name && c.capitals.contains(&capital)), "{name}: {capital}");
        }
    }
}
