"""`overstap synth`: generation of a synthetic region, for trial deployments and tests."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from overstap import clock
from overstap.cli._output import AsJson, print_json, progress

app = typer.Typer(help="Make a synthetic region: agreement, dossiers, applications, answers, LAS database.")


@app.callback(invoke_without_command=True)
def synth(
    region: Annotated[str, typer.Option(help="Id of the region")] = "demo",
    pupils: Annotated[int, typer.Option(min=1, help="Number of pupils of group 8")] = 240,
    seed: Annotated[int, typer.Option(help="The same seed and day give the same files")] = 1,
    out: Annotated[Path, typer.Option(help="Folder to write to")] = Path("synth"),
    primary: Annotated[int, typer.Option(min=1, help="Number of primary schools")] = 12,
    secondary: Annotated[int, typer.Option(min=1, help="Number of secondary schools")] = 5,
    late: Annotated[int, typer.Option(min=0, help="Primary schools that supply nothing at first")] = 1,
    faulty: Annotated[int, typer.Option(min=0, help="Primary schools with dossiers that break a rule")] = 1,
    littered: Annotated[int, typer.Option(min=0, help="Primary schools with garbage in their drop folder")] = 1,
    database: Annotated[int | None, typer.Option(min=0, help="Primary schools with a LAS database")] = None,
    first_position: Annotated[int, typer.Option(min=0, help="Position of the first identity number")] = 0,
    first_school: Annotated[int, typer.Option(min=0, help="Place of the first primary and secondary school")] = 0,
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the export; today when left out")
    ] = None,
    las: Annotated[
        str | None, typer.Option(help="libpq connection string of a database that gets the LAS tables too")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a synthetic region in a folder."""
    from pydantic import ValidationError

    from overstap.simulation.synthetic.region import make_region
    from overstap.simulation.synthetic.writing import write

    day = today.date() if today else clock.dutch_time(clock.now()).date()
    try:
        made = make_region(
            seed,
            pupils,
            primary,
            secondary,
            today=day,
            name=region,
            late=late,
            faulty=faulty,
            littered=littered,
            database=database,
            first_position=first_position,
            first_school=first_school,
        )
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from problem
    try:
        with progress("pupils", pupils) as advance:
            written = write(made, out, advance=advance)
    except FileExistsError as problem:
        raise typer.BadParameter(f"{problem}; choose another folder with --out") from problem
    except ValidationError as problem:  # of the agreement, before anything is written
        [first, *_] = problem.errors()
        raise typer.BadParameter(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from problem
    counts: dict[str, int] = {}
    if las is not None:
        import psycopg

        from overstap.simulation.synthetic.las import load_las

        with psycopg.connect(las) as connection:
            counts = dict(load_las(connection, made))
    if as_json:
        schools = [
            {"id": one.id, "name": one.name, "supplies": one.source, "is": one.behaviour, "pupils": one.size}
            for one in made.primary
        ]
        print_json({"schools": schools, "written": written, "las_database": counts})
        return
    console = Console(highlight=False)
    table = Table(title=f"{made.title}, {made.school_year}")
    for heading in ("school", "supplies", "is", "pupils"):
        table.add_column(heading, justify="right" if heading == "pupils" else "left")
    for school in made.primary:
        table.add_row(f"{school.name} ({school.id})", school.source.value, school.behaviour.value, str(school.size))
    console.print(table)
    console.print(f"agreement     {written.agreement}")
    console.print(f"drop folders  {written.drop}: {written.dossiers} dossiers")
    console.print(f"later         {written.late}: {written.late_dossiers}, {written.mended}: {written.mended_dossiers}")
    console.print(f"applications  {written.applications}: {written.application_rows} rows")
    console.print(f"answers       {written.reviews}")
    console.print(f"LAS           {written.las}")
    if counts:
        console.print(f"LAS database  {counts['leerling']} pupils, {counts['aanmelding']} applications")
