-- Reference tables below the views of view.sql, as a small school administration system might have them: for synthetic
-- regions, tests and suppliers who want to try. A real system keeps its own tables.

CREATE SCHEMA IF NOT EXISTS las;

CREATE TABLE IF NOT EXISTS las.school (
    brincode text NOT NULL,
    vestigingscode text NOT NULL,
    naam text NOT NULL,
    adressen jsonb NOT NULL,
    communicatie jsonb NOT NULL,
    aanleverpunt text NOT NULL,
    soort text,
    pakketnaam text NOT NULL,
    pakketversie text NOT NULL,
    PRIMARY KEY (brincode, vestigingscode)
);

CREATE TABLE IF NOT EXISTS las.leerling (
    brin text NOT NULL,
    vestiging text NOT NULL,
    leerlingid text NOT NULL,
    groep text NOT NULL,
    dossierdatum date NOT NULL,
    voornamen jsonb,
    voorletters text,
    voorvoegsel text,
    achternaam text,
    roepnaam text,
    geboortedatum date,
    geslacht text,
    adresgeheim boolean,
    adressen jsonb,
    communicatie jsonb,
    adresbuitenland jsonb,
    gba jsonb,
    bsn text,
    onderwijsnummer text,
    onderwijssinds date,
    startdatumhuidigonderwijs date,
    datuminschrijving date,
    datumuitschrijving date,
    leerlinggewicht text,
    tehuis boolean,
    huisarts jsonb,
    verzorgersaansprakelijk boolean,
    aansprakelijkeinstelling jsonb,
    advies text,
    wensouders text,
    wensleerling text,
    herzienadvies text,
    motivatie_herzienadvies text,
    adviesprofiel text,
    argumentatie text,
    contactnodig boolean,
    contactpersoon text,
    contacttelefoon text,
    contactemail text,
    aandachtspunten text,
    onderwijsondersteuning jsonb,
    dagdelengeoorloofd integer,
    dagdelenongeoorloofd integer,
    verzuimfrequentie integer,
    meerdan25percent boolean,
    contactleerplicht boolean,
    eindtoets jsonb,
    cijferlijsten jsonb,
    documenten jsonb,
    PRIMARY KEY (brin, vestiging, leerlingid),
    FOREIGN KEY (brin, vestiging) REFERENCES las.school ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS las.verzorger (
    brin text NOT NULL,
    vestiging text NOT NULL,
    leerlingid text NOT NULL,
    volgnummer integer NOT NULL,
    voornamen jsonb,
    voorletters text,
    voorvoegsel text,
    achternaam text NOT NULL,
    geslacht text,
    adresgeheim boolean,
    adressen jsonb,
    communicatie jsonb,
    relatietotkind text,
    overleden boolean,
    overlijdensdatum date,
    wettigevertegenwoordiger boolean NOT NULL,
    PRIMARY KEY (brin, vestiging, leerlingid, volgnummer),
    FOREIGN KEY (brin, vestiging, leerlingid) REFERENCES las.leerling ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS las.schoolloopbaan (
    brin text NOT NULL,
    vestiging text NOT NULL,
    leerlingid text NOT NULL,
    schooljaar text NOT NULL,
    groepscode text NOT NULL,
    groepsnaam text,
    jaargroep text NOT NULL,
    begindatum date NOT NULL,
    einddatum date,
    brincode text NOT NULL,
    vestigingscode text NOT NULL,
    schoolsoort text,
    PRIMARY KEY (brin, vestiging, leerlingid, schooljaar, begindatum),
    FOREIGN KEY (brin, vestiging, leerlingid) REFERENCES las.leerling ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS las.toets (
    brin text NOT NULL,
    vestiging text NOT NULL,
    leerlingid text NOT NULL,
    volgnummer integer NOT NULL,
    inhoud jsonb NOT NULL,
    PRIMARY KEY (brin, vestiging, leerlingid, volgnummer),
    FOREIGN KEY (brin, vestiging, leerlingid) REFERENCES las.leerling ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS las.aanmelding (
    regio text NOT NULL,
    leerlingnummer text NOT NULL,
    geboortedatum date,
    basisschool text NOT NULL,
    vo_school text NOT NULL,
    fase text NOT NULL,
    vastgelegd_op timestamptz NOT NULL,
    PRIMARY KEY (regio, leerlingnummer, vo_school)
);
