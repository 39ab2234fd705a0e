"""Names of people and companies in the scripts that customers write them in."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a customer lives: ISO code, the code of its language and currency in ERPNext, a zone, and names.

    `family_first` is the order of a person's name; `joint` stands between its parts. `trade` patterns hold `{}` where
    a family name goes.
    """

    code: str
    language: str
    currency: str
    offset: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    trade: tuple[str, ...]
    family_first: bool = False
    joint: str = " "
    vat_digits: int = 9


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PLACES: tuple[Place, ...] = (
    Place(
        code="DE",
        language="de",
        currency="EUR",
        offset="+01:00",
        given=_words("Jürgen Änne Käthe Björn Lieselotte Günther Zoë Sören Ulrike Heinz Mareike Götz"),
        family=_words("Müller Schäfer Weiß Köhler Groß Jäger Böhm Strauß Krüger Lößnitz Hübner Vogt Zöllner"),
        trade=("{} GmbH", "{} & Söhne OHG", 'Gasthaus "Zum {}"', "Bäckerei {}", "{}/Partner 24% mehr KG"),
    ),
    Place(
        code="FR",
        language="fr",
        currency="EUR",
        offset="+01:00",
        given=_words("Élodie François Hélène Noël Chloé Gaël Zoé Loïc Anaïs Cédric Maëlle Rémi"),
        family=_words("Lefèvre D'Arcy Béranger Garçon L'Hôpital Crémieux Pélissier Gauthier Château Forêt Noël"),
        trade=("{} & Fils", "Boulangerie {}", "Société {} S.A.R.L.", "Aux délices de {}", "Cœur de {}"),
        vat_digits=11,
    ),
    Place(
        code="GB",
        language="en-GB",
        currency="GBP",
        offset="+00:00",
        given=_words("Oliver Siân Niamh Alasdair Imogen Rhys Fergus Tamsin Angus Eilidh Seán Zadie"),
        family=_words("O'Brien McDonald Smith-Jones Fitzgerald D'Souza Llewellyn O'Neill Wainwright Ashcroft Pryce"),
        trade=("{} & Sons Ltd", "The {} Company", "{}'s Books", 'The "{}" Arms', "{} Brothers & Co."),
    ),
    Place(
        code="US",
        language="en",
        currency="USD",
        offset="-05:00",
        given=_words("Ashley José Latoya Dwayne Xochitl Brandon María Tyrone Megan Luis DeShawn Kayla"),
        family=_words("Nguyen-Smith García O'Reilly Washington Peña Kowalski Muñoz Jefferson Núñez Blackwood"),
        trade=("{} LLC", "{} & Daughters, Inc.", "{}'s Hardware", "Big {} Outlet", "{}, {} & Associates"),
    ),
    Place(
        code="BR",
        language="pt-BR",
        currency="BRL",
        offset="-03:00",
        given=_words("João Conceição Antônio Inês Simão Letícia Caíque Vitória Abrahão Ítalo Núbia Sônia"),
        family=_words("Gonçalves Conceição Simões Magalhães Araújo Assunção Brandão Falcão Guimarães Leitão"),
        trade=("{} Ltda.", "Padaria {}", "Irmãos {} S.A.", "Café {}", "Farmácia {}"),
        vat_digits=14,
    ),
    Place(
        code="PL",
        language="pl",
        currency="PLN",
        offset="+01:00",
        given=_words("Łukasz Małgorzata Żaneta Świętosława Grażyna Michał Rafał Bożena Józef Zdzisław Paweł Róża"),
        family=_words("Wiśniewski Kamiński Dąbrowski Jabłoński Źrebiec Łęcki Pączek Gołębiewska Ćwik Żółtowski"),
        trade=("{} Sp. z o.o.", "Piekarnia {}", "Zakład {} i Syn", "{} S.A.", "Księgarnia {}"),
        vat_digits=10,
    ),
    Place(
        code="CZ",
        language="cs",
        currency="CZK",
        offset="+01:00",
        given=_words("Jiří Božena Tomáš Růžena Ondřej Žofie Matěj Květa Řehoř Štěpán Zdeňka Vojtěch"),
        family=_words("Dvořák Příhoda Černý Šťastný Němec Růžička Kučera Hájek Beneš Říha Žďárský Tůma"),
        trade=("{} s.r.o.", "Pekařství {}", "U {}ů", "{} a synové", "Řeznictví {}"),
        vat_digits=8,
    ),
    Place(
        code="TR",
        language="tr",
        currency="TRY",
        offset="+03:00",
        given=_words("İbrahim Işıl Çağla Oğuz Şebnem Gülşah Ömer Ümit Iğdır İnci Tuğçe Barış"),
        family=_words("Yıldırım Çelik Öztürk Şahin Güneş Doğan Kılıç Aydın Işık Çetinkaya İnönü Ağaoğlu"),
        trade=("{} A.Ş.", "{} Ltd. Şti.", "{} Kardeşler", "{} Lokantası", "Büyük {} Çarşısı"),
        vat_digits=10,
    ),
    Place(
        code="VN",
        language="vi",
        currency="VND",
        offset="+07:00",
        given=_words("Ánh Bảo Cường Dũng Hương Khánh Lệ Nguyệt Phượng Quỳnh Thảo Việt"),
        family=_words("Nguyễn Trần Lê Phạm Hoàng Huỳnh Võ Đặng Bùi Đỗ Ngô Dương"),
        trade=("Công ty {}", "Cà phê {}", "Nhà sách {}", "Tiệm bánh {}", "Phở {}"),
        family_first=True,
        vat_digits=10,
    ),
    Place(
        code="UA",
        language="uk",
        currency="UAH",
        offset="+02:00",
        given=_words("Олена Євген Їжачок Ґалина Тарас Юлія Зоряна Мирослав Богдан Софія Ярослав Надія"),
        family=_words("Шевченко Коваленко Бондар Ґонта Кравець Мельник Лисенко Гончар Ткач Сорока Довгий"),
        trade=("ТОВ «{}»", "Кав'ярня {}", "Пекарня {}", "{} і сини", "Крамниця {}"),
        vat_digits=12,
    ),
    Place(
        code="BG",
        language="bg",
        currency="BGN",
        offset="+02:00",
        given=_words("Георги Мария Йордан Цветана Ангел Стефка Димитър Ралица Христо Пламена Борис Невена"),
        family=_words("Иванов Петров Димитрова Стоянов Тодоров Николова Колев Ангелов Маринов Щерев"),
        trade=("„{}“ ЕООД", "Хлебарница {}", "{} и син", "Книжарница {}", "{} АД"),
    ),
    Place(
        code="GR",
        language="el",
        currency="EUR",
        offset="+02:00",
        given=_words("Γιώργος Ελένη Δημήτρης Κατερίνα Άννα Θεόδωρος Ξένια Ιωάννης Ευαγγελία Ωρίων Σοφία Ηλίας"),
        family=_words("Παπαδόπουλος Νικολάου Οικονόμου Γεωργίου Βασιλείου Ιωαννίδης Μακρής Αγγέλου Ξανθός"),
        trade=("{} Α.Ε.", "Αφοί {}", "Φούρνος {}", "Ταβέρνα «{}»", "{} & Υιοί"),
    ),
    Place(
        code="EG",
        language="ar",
        currency="EGP",
        offset="+02:00",
        given=_words("محمد فاطمة أحمد عائشة يوسف مريم خالد ليلى إبراهيم نور حسن سعاد"),
        family=_words("المصري الشريف عبدالرحمن النجار الحداد السيد القاضي المنصور الخطيب العطار"),
        trade=("شركة {}", "مخبز {}", "مكتبة {}", "{} وأولاده", "مطعم {}"),
    ),
    Place(
        code="SA",
        language="ar",
        currency="SAR",
        offset="+03:00",
        given=_words("عبدالله نورة سلطان هند فيصل ريم تركي سارة ماجد غادة بندر لطيفة"),
        family=_words("العتيبي القحطاني الغامدي الزهراني الحربي الدوسري الشمري المطيري السبيعي"),
        trade=("مؤسسة {}", "متجر {}", "{} للتجارة", "مجموعة {}", "مقهى {}"),
        vat_digits=15,
    ),
    Place(
        code="IL",
        language="he",
        currency="ILS",
        offset="+02:00",
        given=_words("דוד שרה משה רבקה יוסף מרים אברהם נועה יעקב תמר שלמה הילה"),
        family=_words("כהן לוי מזרחי פרץ ביטון דהן אברהמי פרידמן שפירא גולדברג רוזן"),
        trade=('{} בע"מ', "מאפיית {}", "ספרי {}", "אחים {}", "קפה {}"),
    ),
    Place(
        code="IN",
        language="hi",
        currency="INR",
        offset="+05:30",
        given=_words("अनिल सुनीता राजेश प्रिया विजय लक्ष्मी कृष्ण ज्योति संजय रेखा अर्जुन मीना"),
        family=_words("शर्मा गुप्ता सिंह वर्मा मिश्रा पटेल यादव जोशी चौधरी त्रिपाठी"),
        trade=("{} एंड संस", "{} ट्रेडर्स", "श्री {} भंडार", "{} प्राइवेट लिमिटेड", "{} स्वीट्स"),
        vat_digits=15,
    ),
    Place(
        code="CN",
        language="zh",
        currency="CNY",
        offset="+08:00",
        given=_words("伟 芳 秀英 敏 静 强 磊 军 洋 勇 艳 杰 娟 涛 明 超"),
        family=_words("王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗"),
        trade=("{}记有限公司", "{}氏贸易公司", "{}家面馆", "北京{}科技", "上海{}书店"),
        family_first=True,
        joint="",
        vat_digits=18,
    ),
    Place(
        code="TW",
        language="zh-TW",
        currency="TWD",
        offset="+08:00",
        given=_words("志明 淑芬 俊傑 雅婷 家豪 怡君 宗翰 欣怡 建宏 美玲 冠宇 佩珊"),
        family=_words("陳 林 黃 張 李 王 吳 劉 蔡 楊 許 鄭 謝 郭 洪 邱"),
        trade=("{}記茶行", "{}家麵館", "台北{}企業", "{}氏書局", "高雄{}商行"),
        family_first=True,
        joint="",
        vat_digits=8,
    ),
    Place(
        code="JP",
        language="ja",
        currency="JPY",
        offset="+09:00",
        given=_words("太郎 花子 健一 さくら 翔 美咲 大輔 ひかり 誠 千尋 一郎 アキラ"),
        family=_words("佐藤 鈴木 高橋 田中 渡辺 伊藤 山本 中村 小林 加藤 髙島 齋藤"),
        trade=("株式会社{}", "{}商店", "{}パン", "有限会社{}製作所", "カフェ・{}"),
        family_first=True,
        vat_digits=13,
    ),
    Place(
        code="KR",
        language="ko",
        currency="KRW",
        offset="+09:00",
        given=_words("민준 서연 도윤 지우 예준 하은 시우 수아 지호 은지 현우 유진"),
        family=_words("김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황"),
        trade=("주식회사 {}", "{}네 분식", "{}상사", "{} 서점", "카페 {}"),
        family_first=True,
        joint="",
        vat_digits=10,
    ),
    Place(
        code="TH",
        language="th",
        currency="THB",
        offset="+07:00",
        given=_words("สมชาย สมหญิง ประเสริฐ มาลี วิชัย สุดา อนันต์ พิมพ์ ณัฐ กมล ชัย รัตนา"),
        family=_words("ใจดี รักไทย ศรีสุข วงศ์ทอง แก้วมณี บุญมา ทองดี สุขใจ พงษ์ไพร"),
        trade=("บริษัท {} จำกัด", "ร้าน{}", "{} แอนด์ ซันส์", "ครัวคุณ{}", "{}การค้า"),
        vat_digits=13,
    ),
)

EMOJI = ("🌷", "🍕", "☕", "👩‍🍳", "🇪🇺", "✨", "🚲")


class Names:
    """Names that no two customers share, whatever a database's collation makes of case, accents and blanks."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._taken: set[str] = set()

    def person(self, place: Place) -> str:
        """A person of that place."""
        given = self._random.choice(place.given)
        family = self._random.choice(place.family)
        parts = (family, given) if place.family_first else (given, family)
        return self.unique(place.joint.join(parts), place)

    def company(self, place: Place) -> str:
        """A company, a shop, an inn of that place."""
        name = self._random.choice(place.trade)
        while "{}" in name:
            name = name.replace("{}", self._random.choice(place.family), 1)
        return self.unique(name, place)

    def unique(self, name: str, place: Place) -> str:
        """The name, with more names or at last a number behind it, if somebody has it already."""
        tried = name
        number = 1
        while _folded(tried) in self._taken:
            number += 1
            more = self._random.choice(place.given)
            tried = f"{name} {more}" if number < 4 else f"{name} {more} {number}"
        self._taken.add(_folded(tried))
        return tried


_PLAIN = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "ı": "i"})


def _folded(name: str) -> str:
    """What collations that ignore case, accents and what lies beyond the basic plane may see of a name."""
    kept = [sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.category(sign).startswith("M")]
    return "".join("?" if ord(sign) > 0xFFFF else sign for sign in kept).casefold().translate(_PLAIN).strip()
