"""The words that tell who does an act: verbs and nouns by whom they make do it, phrases by whom they stand for."""

from __future__ import annotations

from extractors.forms import forms, words

# "urges Iran to return", "ordered troops to leave": the object of these verbs does what the infinitive says.
OBJECT_CONTROL = words(
    """
    urge ask tell order force allow permit push press persuade convince call want invite send help enable encourage
    warn instruct advise require demand lead prompt direct authorize authorise let make pressure expect
    """
)
# "accuses China of hacking": the object of these verbs is the one who does what follows.
ACCUSE = words(
    """
    accuse accuses accused accusing suspect suspects suspected blame blames blamed convict convicted charge charged
    accusations
    """
)
# "carried out a strike", "announced a deployment": the subject of these verbs does what the noun says.
LIGHT = forms(
    """
    carry conduct hold launch make stage perform mount undertake commit unleash fire begin start continue resume
    plan prepare cast use announce order approve threaten vow suspend cancel halt stop complete finish end sign
    issue have do take give step increase intensify execute wage open join impose lift expand extend deny consider
    send deploy test reject refuse offer propose agree attempt abandon postpone declare seal reach strike wrap fly
    """
)
# Their subject talks about the act of somebody else.
REACTING = forms(
    """
    say condemn denounce report confirm warn accuse criticize criticise protest hail praise deplore decry slam
    demand urge notify tell ask detect monitor believe think fear suspect claim reveal state note investigate blame
    welcome discuss discover call respond react seek oppose want said says told thought
    """
)
# Prepositions that say where, to whom or against whom.
IN_PLACE = words(
    """
    in at near on from over to with against off into toward towards across inside outside
    """
)
# "the government in Kabul": these act for the state that they sit in.
SEATS = words(
    """
    government authorities officials leaders administration regime ministry parliament court military army police
    junta leadership rulers
    """
)
PRONOUNS = words("it he she they who which that we i this")
# What these do is not the act of their state: "the US company has stopped".
FIRMS = words(
    """
    company firm giant maker manufacturer bank lender airline carmaker automaker producer group brand retailer
    developer miner startup start-up shares stock stocks consumers consumer shoppers fans club team footballer
    tourist tourists researchers scientists economists investors analysts economy market markets
    """
)
# Men of violence who do not act for the state named beside them.
NO_PARTY = words(
    """
    militant militants gunman gunmen rebel rebels insurgent insurgents bomber bombers terrorist terrorists attacker
    attackers assailant assailants fighter fighters guerrilla guerrillas separatist separatists kidnapper kidnappers
    civilian civilians protester protesters people man men woman women child children group hacker hackers
    """
)
