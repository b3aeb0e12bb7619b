-- What Overstap reads from a school's administration system (LAS): two views in the schema overstap_las.
-- A supplier makes the same two views over its own tables: same names, same columns, nothing more. docs/sources.md
-- explains each column with examples. Here they stand over the reference tables of tables.sql.
--
-- Rules for every column: NULL (or an empty list) means "nothing known"; text stays text, so leading zeros stay;
-- jsonb columns hold OSO 2019.1 element names, with a list wherever an element may be repeated.

CREATE SCHEMA IF NOT EXISTS overstap_las;

CREATE OR REPLACE VIEW overstap_las.oso_dossier AS
SELECT
    leerling.leerlingid,
    school.brincode,
    school.vestigingscode,
    school.pakketnaam,
    school.pakketversie,
    leerling.dossierdatum,
    school.naam AS school_naam,
    school.adressen AS school_adressen,
    school.communicatie AS school_communicatie,
    school.aanleverpunt AS school_aanleverpunt,
    school.soort AS school_soort,
    leerling.voornamen,
    leerling.voorletters,
    leerling.voorvoegsel,
    leerling.achternaam,
    leerling.roepnaam,
    leerling.geboortedatum,
    leerling.geslacht,
    leerling.adresgeheim,
    leerling.adressen,
    leerling.communicatie,
    leerling.adresbuitenland,
    leerling.gba,
    leerling.bsn,
    leerling.onderwijsnummer,
    leerling.onderwijssinds,
    leerling.startdatumhuidigonderwijs,
    leerling.datuminschrijving,
    leerling.datumuitschrijving,
    leerling.leerlinggewicht,
    leerling.tehuis,
    leerling.huisarts,
    leerling.verzorgersaansprakelijk,
    leerling.aansprakelijkeinstelling,
    leerling.advies,
    leerling.wensouders,
    leerling.wensleerling,
    leerling.herzienadvies,
    leerling.motivatie_herzienadvies,
    leerling.adviesprofiel,
    leerling.argumentatie,
    leerling.contactnodig,
    leerling.contactpersoon,
    leerling.contacttelefoon,
    leerling.contactemail,
    leerling.aandachtspunten,
    (
        SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(loopbaan) - '{brin,vestiging,leerlingid}'::text[])
            ORDER BY loopbaan.schooljaar, loopbaan.begindatum)
        FROM las.schoolloopbaan AS loopbaan
        WHERE (loopbaan.brin, loopbaan.vestiging, loopbaan.leerlingid)
            = (leerling.brin, leerling.vestiging, leerling.leerlingid)
    ) AS schoolloopbaan,
    leerling.onderwijsondersteuning,
    leerling.dagdelengeoorloofd,
    leerling.dagdelenongeoorloofd,
    leerling.verzuimfrequentie,
    leerling.meerdan25percent,
    leerling.contactleerplicht,
    leerling.eindtoets,
    (
        SELECT jsonb_agg(toets.inhoud ORDER BY toets.volgnummer)
        FROM las.toets
        WHERE (toets.brin, toets.vestiging, toets.leerlingid) = (leerling.brin, leerling.vestiging, leerling.leerlingid)
    ) AS toetsen,
    leerling.cijferlijsten,
    leerling.documenten,
    (
        SELECT jsonb_agg(jsonb_strip_nulls(
            jsonb_build_object(
                'voornaam', verzorger.voornamen,
                'voorletters-1', verzorger.voorletters,
                'voorvoegsel', verzorger.voorvoegsel,
                'achternaam', verzorger.achternaam,
                'geslacht', verzorger.geslacht,
                'adresgeheim', verzorger.adresgeheim,
                'adreslijst', CASE WHEN verzorger.adressen IS NOT NULL
                    THEN jsonb_build_object('adres', verzorger.adressen) END,
                'communicatielijst', CASE WHEN verzorger.communicatie IS NOT NULL
                    THEN jsonb_build_object('communicatie', verzorger.communicatie) END,
                'relatietotkind', verzorger.relatietotkind,
                'overleden', verzorger.overleden,
                'overlijdensdatum', verzorger.overlijdensdatum,
                'wettigevertegenwoordiger', verzorger.wettigevertegenwoordiger
            )) ORDER BY verzorger.volgnummer)
        FROM las.verzorger
        WHERE (verzorger.brin, verzorger.vestiging, verzorger.leerlingid)
            = (leerling.brin, leerling.vestiging, leerling.leerlingid)
    ) AS verzorgers
FROM las.leerling
JOIN las.school ON (school.brincode, school.vestigingscode) = (leerling.brin, leerling.vestiging)
WHERE leerling.groep = '8';

COMMENT ON VIEW overstap_las.oso_dossier IS 'One row per pupil of group 8 whose dossier the school supplies, PO to VO';
COMMENT ON COLUMN overstap_las.oso_dossier.leerlingid IS 'text, required. Key of the pupil in this system; stays the same, unique within brincode and vestigingscode (leerling/leerlingid)';
COMMENT ON COLUMN overstap_las.oso_dossier.brincode IS 'text, required. Two digits and two capitals: 99AA (huidigeschool/brincode)';
COMMENT ON COLUMN overstap_las.oso_dossier.vestigingscode IS 'text, required. Two digits: 00 (huidigeschool/vestigingscode)';
COMMENT ON COLUMN overstap_las.oso_dossier.pakketnaam IS 'text, required. Name of the software (metadata/pakketnaam)';
COMMENT ON COLUMN overstap_las.oso_dossier.pakketversie IS 'text, required. Its version (metadata/pakketversie)';
COMMENT ON COLUMN overstap_las.oso_dossier.dossierdatum IS 'date, required. Day on which the content was last changed; not the day of reading, or every reading would look like a new version (metadata/datum)';
COMMENT ON COLUMN overstap_las.oso_dossier.school_naam IS 'text, required. Name of the school (huidigeschool/naam)';
COMMENT ON COLUMN overstap_las.oso_dossier.school_adressen IS 'jsonb list, at least one. Items as adres: soortadres, straat, nummer, toevoeging, postcode, plaats, gemeente, land';
COMMENT ON COLUMN overstap_las.oso_dossier.school_communicatie IS 'jsonb list, at least one. Items as communicatie: soort, aanduiding, nummer, geheim, noodnummer';
COMMENT ON COLUMN overstap_las.oso_dossier.school_aanleverpunt IS 'text, required. Delivery point of the school in OSO (huidigeschool/aanleverpunt)';
COMMENT ON COLUMN overstap_las.oso_dossier.school_soort IS 'text. Kind of school: BO, SBO, SO (huidigeschool/soort)';
COMMENT ON COLUMN overstap_las.oso_dossier.voornamen IS 'jsonb list of text, at least one. First names in their order (leerling/voornaam)';
COMMENT ON COLUMN overstap_las.oso_dossier.voorletters IS 'text. Initials with dots, without spaces: L.J. (leerling/voorletters-1)';
COMMENT ON COLUMN overstap_las.oso_dossier.voorvoegsel IS 'text. Prefix of the surname: van der (leerling/voorvoegsel)';
COMMENT ON COLUMN overstap_las.oso_dossier.achternaam IS 'text, required. Surname without prefix; NA and Null are surnames too (leerling/achternaam)';
COMMENT ON COLUMN overstap_las.oso_dossier.roepnaam IS 'text. Call name (leerling/roepnaam)';
COMMENT ON COLUMN overstap_las.oso_dossier.geboortedatum IS 'date, required (leerling/geboortedatum)';
COMMENT ON COLUMN overstap_las.oso_dossier.geslacht IS 'text. OSO code list 14: 0 unknown, 1 female, 2 male (leerling/geslacht)';
COMMENT ON COLUMN overstap_las.oso_dossier.adresgeheim IS 'boolean, required. The address is secret; then adressen is NULL (leerling/adresgeheim)';
COMMENT ON COLUMN overstap_las.oso_dossier.adressen IS 'jsonb list. Addresses of the pupil, items as in school_adressen; required unless the address is secret or abroad';
COMMENT ON COLUMN overstap_las.oso_dossier.communicatie IS 'jsonb list. Contact details of the pupil, items as in school_communicatie; a secret one has 9999999999 or geheim@geheim.geheim as nummer';
COMMENT ON COLUMN overstap_las.oso_dossier.adresbuitenland IS 'jsonb list of text. Lines of a foreign address, 35 characters each';
COMMENT ON COLUMN overstap_las.oso_dossier.gba IS 'jsonb object. Names in the civil registry: gbavoornaam (list), gbavoorvoegsel, gbaachternaam, gbageboortedatum (DD-MM-YYYY)';
COMMENT ON COLUMN overstap_las.oso_dossier.bsn IS 'text of 9 digits, leading zeros kept. Either this or onderwijsnummer (leerling/bsn)';
COMMENT ON COLUMN overstap_las.oso_dossier.onderwijsnummer IS 'text of 9 digits beginning with 10, for a pupil without BSN (leerling/onderwijsnummer)';
COMMENT ON COLUMN overstap_las.oso_dossier.onderwijssinds IS 'date. In Dutch education since (leerling/onderwijssinds)';
COMMENT ON COLUMN overstap_las.oso_dossier.startdatumhuidigonderwijs IS 'date. In primary education since (leerling/startdatumhuidigonderwijs)';
COMMENT ON COLUMN overstap_las.oso_dossier.datuminschrijving IS 'date, required. First day at this school (leerling/datuminschrijving)';
COMMENT ON COLUMN overstap_las.oso_dossier.datumuitschrijving IS 'date. Last day at this school (leerling/datumuitschrijving)';
COMMENT ON COLUMN overstap_las.oso_dossier.leerlinggewicht IS 'text. Code list 15: 0.00, 0.30, 1.20 (leerling/leerlinggewicht)';
COMMENT ON COLUMN overstap_las.oso_dossier.tehuis IS 'boolean. Lives in a home (leerling/tehuis)';
COMMENT ON COLUMN overstap_las.oso_dossier.huisarts IS 'jsonb object. Family doctor: voornaam (list), voorletters-1, voorvoegsel, achternaam, adreslijst, communicatielijst';
COMMENT ON COLUMN overstap_las.oso_dossier.verzorgersaansprakelijk IS 'boolean, required. The carers are liable; if not, aansprakelijkeinstelling says who is';
COMMENT ON COLUMN overstap_las.oso_dossier.aansprakelijkeinstelling IS 'jsonb object. Liable institution: naam, adreslijst, communicatielijst';
COMMENT ON COLUMN overstap_las.oso_dossier.advies IS 'text, required. School advice, code list 2: 60 (overstapadvies/advies)';
COMMENT ON COLUMN overstap_las.oso_dossier.wensouders IS 'text. Wish of the parents, code list 2';
COMMENT ON COLUMN overstap_las.oso_dossier.wensleerling IS 'text. Wish of the pupil, code list 2';
COMMENT ON COLUMN overstap_las.oso_dossier.herzienadvies IS 'text. Revised advice after the test, code list 2';
COMMENT ON COLUMN overstap_las.oso_dossier.motivatie_herzienadvies IS 'text. Why the advice was revised';
COMMENT ON COLUMN overstap_las.oso_dossier.adviesprofiel IS 'text. Code list 21: basis, plus, bespreek, disharmonisch, ondersteuning (overstapadvies/profiel)';
COMMENT ON COLUMN overstap_las.oso_dossier.argumentatie IS 'text. Argumentation of the advice';
COMMENT ON COLUMN overstap_las.oso_dossier.contactnodig IS 'boolean, required. The receiving school has to phone; then contactpersoon and contacttelefoon are required';
COMMENT ON COLUMN overstap_las.oso_dossier.contactpersoon IS 'text. Whom to ask for';
COMMENT ON COLUMN overstap_las.oso_dossier.contacttelefoon IS 'text. Telephone number, 10 digits';
COMMENT ON COLUMN overstap_las.oso_dossier.contactemail IS 'text. E-mail address';
COMMENT ON COLUMN overstap_las.oso_dossier.aandachtspunten IS 'text, at most 280 characters. Points of attention';
COMMENT ON COLUMN overstap_las.oso_dossier.schoolloopbaan IS 'jsonb list, at least one, the last at this school. Items: schooljaar (2026-2027), groepscode, groepsnaam, jaargroep, begindatum, einddatum, brincode, vestigingscode, schoolsoort';
COMMENT ON COLUMN overstap_las.oso_dossier.onderwijsondersteuning IS 'jsonb object. Support as in OSO: diagnose, medicijngebruik, handelingsplan, opp, tlv, arrangement_cluster12, arrangement_pao, lwoo';
COMMENT ON COLUMN overstap_las.oso_dossier.dagdelengeoorloofd IS 'integer. Half-days of authorised absence in the last 12 months (verzuim)';
COMMENT ON COLUMN overstap_las.oso_dossier.dagdelenongeoorloofd IS 'integer. Half-days of unauthorised absence in the last 12 months (verzuim)';
COMMENT ON COLUMN overstap_las.oso_dossier.verzuimfrequentie IS 'integer. Number of spells of unauthorised absence (verzuim/frequentie)';
COMMENT ON COLUMN overstap_las.oso_dossier.meerdan25percent IS 'boolean. Missed more than a quarter of the lessons (verzuim)';
COMMENT ON COLUMN overstap_las.oso_dossier.contactleerplicht IS 'boolean. The compulsory education officer was told (verzuim)';
COMMENT ON COLUMN overstap_las.oso_dossier.eindtoets IS 'jsonb object. Final test as eindtoets_basisonderwijs: eindtoetsresultaat, deelgenomen, document; NULL before it was taken';
COMMENT ON COLUMN overstap_las.oso_dossier.toetsen IS 'jsonb list. National tests of this and the two school years before, items as toets: toetsidentificatie, afname, resultaat, toetsonderdeel, opmerking';
COMMENT ON COLUMN overstap_las.oso_dossier.cijferlijsten IS 'jsonb list. Reports, items as cijferlijst';
COMMENT ON COLUMN overstap_las.oso_dossier.documenten IS 'jsonb list. Other documents: bestandsnaam, omschrijving, bestandsinhoud (Base64 of a ZIP that holds the file)';
COMMENT ON COLUMN overstap_las.oso_dossier.verzorgers IS 'jsonb list. Parents and carers as verzorger: voornaam (list), voorletters-1, voorvoegsel, achternaam, geslacht, adresgeheim, adreslijst, communicatielijst, relatietotkind (1 father, 2 mother, 3 guardian), overleden, overlijdensdatum, wettigevertegenwoordiger';

CREATE OR REPLACE VIEW overstap_las.oso_aanmelding AS
SELECT regio, leerlingnummer, geboortedatum, basisschool, vo_school, fase, vastgelegd_op FROM las.aanmelding;

COMMENT ON VIEW overstap_las.oso_aanmelding IS 'One row per pupil and secondary school: how far the way there has come';
COMMENT ON COLUMN overstap_las.oso_aanmelding.regio IS 'text, required. Id of the region in its agreement: demo';
COMMENT ON COLUMN overstap_las.oso_aanmelding.leerlingnummer IS 'text of 9 digits, required. BSN, or onderwijsnummer of a pupil without BSN';
COMMENT ON COLUMN overstap_las.oso_aanmelding.geboortedatum IS 'date. Second check that it is the same pupil';
COMMENT ON COLUMN overstap_las.oso_aanmelding.basisschool IS 'text, required. BRIN and branch of the primary school: 99AA00';
COMMENT ON COLUMN overstap_las.oso_aanmelding.vo_school IS 'text, required. BRIN and branch of the secondary school: 98XA00';
COMMENT ON COLUMN overstap_las.oso_aanmelding.fase IS 'text, required. aangemeld, ingeschreven or geplaatst';
COMMENT ON COLUMN overstap_las.oso_aanmelding.vastgelegd_op IS 'timestamptz, required. When this was recorded';

-- Optional: the school's roster, with which it is seen whose dossier is missing.
CREATE OR REPLACE VIEW overstap_las.oso_leerlingenlijst AS
SELECT brin AS brincode, vestiging AS vestigingscode, leerlingid, coalesce(bsn, onderwijsnummer) AS leerlingnummer,
    achternaam, voorvoegsel, coalesce(roepnaam, voornamen ->> 0) AS roepnaam, geboortedatum, geslacht, groep AS jaargroep,
    groep, datumuitschrijving
FROM las.leerling;

COMMENT ON VIEW overstap_las.oso_leerlingenlijst IS 'One row per pupil of the school, of all year groups or of those who leave';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.brincode IS 'text, required. Two digits and two capitals: 99AA';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.vestigingscode IS 'text, required. Two digits: 00';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.leerlingid IS 'text. Key of the pupil in this system, as in oso_dossier';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.leerlingnummer IS 'text of 9 digits. BSN, or onderwijsnummer of a pupil without BSN';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.achternaam IS 'text, required. Surname without prefix';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.voorvoegsel IS 'text. Prefix of the surname';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.roepnaam IS 'text. Call name';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.geboortedatum IS 'date, required';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.geslacht IS 'text. OSO code list 14: 1 female, 2 male';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.jaargroep IS 'text, required. 1 to 8, S special primary, V special secondary, H history';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.groep IS 'text. Name of the group: 8A';
COMMENT ON COLUMN overstap_las.oso_leerlingenlijst.datumuitschrijving IS 'date. Last day at this school';
